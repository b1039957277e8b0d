# Chromium shows a page of the folder. Its own sandbox needs namespaces and mounts of its own, which no task of ours
# may make: --no-sandbox; what it may touch, reeve says.
# needs: chromium
# plans: default
# looks: connect listen schedule socket
echo '<html><body><p id=x></p><script>document.getElementById("x").textContent = 6 * 7 + " shown"</script></body></html>' >page.html
chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --dump-dom "file://$PWD/page.html" 2>/dev/null | grep -o '42 shown'; echo "${PIPESTATUS[0]}"; rm -rf profile
