# bash as people type into it.
# plans: default home
# looks: connect
#< %%
#> echo $((6*7))\n
#< 42
#< %%
#> echo i''n; cat >typed\n
#< in
#> a line\n
#> \x04
#< %%
#> cat ty\t\n
#< a line
#< %%
#> sleep 99 &\n
#< %%
#> kill %1; wait; echo o''f $(tty | cut -c1-8)\n
#< of /dev/pts
#< %%
#> exit 5\n
HISTFILE= PS1=%% exec bash --norc --noprofile -i
