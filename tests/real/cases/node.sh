# Node: files in all ways, child processes, workers.
# needs: node
cat >all.js <<'JS'
const fs = require('fs'), path = require('path'), { spawnSync, spawn, execSync, fork } = require('child_process');
const { Worker, isMainThread, parentPort } = require('worker_threads');
if (!isMainThread) {
	parentPort.postMessage(fs.readFileSync('text', 'utf8').length);
} else if (process.argv[2] === 'child') {
	process.send({ sum: 6 * 7 });
} else main();
async function main() {
	fs.writeFileSync('text', 'some text\n'); fs.appendFileSync('text', 'more\n'); fs.copyFileSync('text', 'copy');
	fs.mkdirSync('a/b/c', { recursive: true }); fs.symlinkSync('../text', 'a/link'); fs.linkSync('text', 'a/hard');
	fs.renameSync('copy', 'a/b/renamed'); fs.chmodSync('a/b/renamed', 0o600); fs.utimesSync('text', 1, 2);
	console.log(fs.readdirSync('a', { withFileTypes: true }).map((e) => [e.name, e.isSymbolicLink()]));
	console.log(fs.readlinkSync('a/link'), fs.realpathSync('a/link') === path.resolve('text'), fs.statSync('text').mtimeMs);
	for (const wrong of ['missing', 'text/x', 'a/nothing/there'])
		try { fs.readFileSync(wrong); } catch (e) { console.log(e.code, e.syscall); }
	fs.cpSync('a', 'z', { recursive: true }); fs.rmSync('a', { recursive: true });
	console.log(fs.mkdtempSync('tmp-').length); fs.readdirSync('.').filter((n) => n.startsWith('tmp-')).forEach((n) => fs.rmdirSync(n));
	await Promise.all([...Array(50).keys()].map((i) => fs.promises.writeFile(`p${i}`, `${i}`)));
	console.log((await Promise.all([...Array(50).keys()].map((i) => fs.promises.readFile(`p${i}`, 'utf8')))).join(''));
	await new Promise((done) => fs.createReadStream(process.execPath, { end: 3000000 }).pipe(fs.createWriteStream('stream')).on('close', done));
	console.log(fs.statSync('stream').size); fs.truncateSync('stream', 10);
	console.log(spawnSync('sh', ['-c', 'echo out; exit 3']).status, execSync('echo executed').toString());
	spawn('./missing').on('error', (e) => console.log(e.code, e.syscall));
	await new Promise((done) => fork(process.argv[1], ['child']).on('message', (m) => console.log(m)).on('exit', done));
	for (let i = 0; i < 3; i++)
		await new Promise((done) => new Worker(process.argv[1]).on('message', (m) => console.log(m)).on('exit', done));
	const watcher = fs.watch('.', () => {}); watcher.close();
	process.exitCode = 9;
}
JS
exec node "$PWD/all.js"
