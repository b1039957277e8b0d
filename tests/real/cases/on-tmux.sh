# tmux: its socket is in $TMUX_TMPDIR, which is /tmp where nobody sets it; reeve does.
# needs: tmux
# plans: default
# looks: connect listen
#< %%
#> echo $((6*7))\n
#< 42
#> tmux split-window -d; tmux list-panes | wc -l >panes; tmux kill-server\n
echo PS1=%% >rc; printf 'set -g default-shell /bin/bash\nset -g default-command "bash --rcfile %s/rc -i"\n' "$PWD" >conf; TMUX_TMPDIR=${TMUX_TMPDIR-$TMPDIR} exec tmux -f conf new-session
