# GNU screen: its sockets are in $SCREENDIR, which reeve sets.
# needs: screen
# plans: default
# looks: connect listen
#< %%
#> echo $((6*7))\n
#< 42
#> exit\n
chmod 700 "$TMPDIR"; PS1=%% SCREENDIR=${SCREENDIR-$TMPDIR} exec screen -c /dev/null bash --norc --noprofile -i
