# less: through a file, a search, the end.
# needs: less
# plans: default
#< 1
#> /^777\n
#< 777
#> G
#< (END)
#> q
seq 2000 >numbers; LESSHISTFILE=- exec less numbers
