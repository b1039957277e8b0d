# GNU screen: its sockets are in $SCREENDIR.
# needs: screen
# plans: default
#< %%
#> echo $((6*7))\n
#< 42
#> exit\n
mkdir -m 700 "$TMPDIR/screens"; PS1=%% SCREENDIR=$TMPDIR/screens screen -c /dev/null bash --norc --noprofile -i; rm -r "$TMPDIR/screens"
