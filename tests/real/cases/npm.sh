# npm: a package installed from a folder and from an archive, scripts, npx.
# needs: npm node
# plans: default
export npm_config_update_notifier=false npm_config_audit=false npm_config_fund=false npm_config_loglevel=error
mkdir -p part/bin app && cd part && echo '{"name": "part", "version": "1.2.3", "bin": {"part": "bin/part.js"}, "main": "index.js", "scripts": {"postinstall": "node -e \"require(\x27fs\x27).writeFileSync(\x27installed\x27, \x27yes\x27)\""}}' | sed "s/\\\\x27/'/g" >package.json
echo 'module.exports = 42;' >index.js; printf '#!/usr/bin/env node\nconsole.log("part runs", require(".."), process.argv.slice(2)); process.exit(3);\n' >bin/part.js; chmod 755 bin/part.js; npm pack 2>/dev/null; cd ../app || exit
echo '{"name": "app", "version": "1.0.0", "scripts": {"test": "node -e \"console.log(require(\\\"part\\\"))\"", "part": "part one two", "env": "echo $npm_package_version"}}' >package.json
npm install --offline ../part/part-1.2.3.tgz 2>&1 | sed 's/in [0-9.]*[ms][s]*$/in no time/'; cat node_modules/part/installed; echo; ls node_modules node_modules/.bin
npm test; npm run -s part; echo $?; npm run env; npm ls; npx --offline part three; npm install --offline nothing-like-it 2>&1 | grep -E 'code|offline'
rm -rf node_modules
