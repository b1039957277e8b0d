# vim: some lines written, a filter, another program's words, a swap file.
# needs: vim
# plans: default
# looks: connect
#< [New]
#> ione\x0dtwo\x0dthree\x1b
#> :1,3!sort -r\n
#> :w\n
#< written
#> dd:r !echo from a shell\n
#< from a shell
#> :wq\n
exec vim -u NONE -N file
