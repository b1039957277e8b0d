"""The binding against the library: REEVE_LIBRARY says which."""
import errno
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import reeve  # noqa: E402

SH = ["/bin/sh", "-c"]


class Running(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.top = pathlib.Path(self.folder.name).resolve()
        (self.top / "open").write_text("open\n")
        (self.top / "shut").write_text("shut\n")

    def test_run(self):
        result = reeve.run([*SH, "cat open; cat shut; echo >&2 no; exit 3"], read=["/"], exec=["/"],
                           deny=[self.top / "shut"], capture=True, cwd=self.top)
        self.assertEqual(result.code, 3)
        self.assertEqual(result.stdout, b"open\n")
        self.assertTrue(result.stderr.endswith(b"no\n"), result.stderr)
        (record,) = result.denied
        self.assertEqual((record["object"], record["errno"]), (str(self.top / "shut"), "EACCES"))
        self.assertEqual(result.summary["denied"], 1)
        with self.assertRaises(reeve.subprocess.CalledProcessError):
            result.check()

    def test_signal_and_codes(self):
        self.assertEqual(reeve.run([*SH, "kill -9 $$"], exec=["/"]).code, -signal.SIGKILL)
        self.assertEqual(reeve.run(["true"], exec=["/"]).code, 0)
        for argv, error in ((["/nonexistent/x"], errno.ENOENT), (["no-such-command-anywhere"], errno.ENOENT),
                            ([str(self.top / "open")], errno.EACCES)):
            with self.assertRaises(reeve.Error) as raised:
                reeve.run(argv, exec=["/"])
            self.assertEqual(raised.exception.errno, error)

    def test_environment(self):
        result = reeve.run([*SH, 'echo $A:$TMPDIR; : >"$TMPDIR/x"'], exec=["/"], env={"A": "1"}, capture=True)
        self.assertRegex(result.stdout.decode(), r"^1:/.*reeve-run-")
        self.assertEqual(result.code, 0)
        self.assertFalse(os.path.exists(result.stdout.decode().split(":")[1].strip()))

    def test_decide(self):
        def decide(call):
            if call.paths[0].endswith("shut"):
                return reeve.Deny("EPERM", "shut")
            if call.paths[0].endswith("elsewhere"):
                return reeve.Path(self.top / "open")
            if call.paths[0].endswith("number"):
                return reeve.Value(-errno.EDOM)
            return None
        result = reeve.run([*SH, "cat shut; cat elsewhere; cat number"], read=["/"], exec=["/"], capture=True,
                           cwd=self.top, operations=["open"], decide=decide)
        self.assertEqual(result.stdout, b"open\n")
        self.assertIn(b"not permitted", result.stderr)
        self.assertEqual([record["why"] for record in result.denied], ["shut"])

    def test_rules_that_ask_refuse_where_nobody_is_asked(self):
        policy = self.top / "policy.yaml"
        policy.write_text(f"reeve: 1\nuse: base\nfiles: [{{read: /}}, {{exec: /}}, {{ask: {self.top}/shut}}]\n")
        words = [*SH, "cat shut; cat open"]
        result = reeve.run(words, policy=policy, capture=True, cwd=self.top, verbose_denials=False)
        self.assertEqual(result.stdout, b"open\n")
        (record,) = result.denied
        self.assertEqual([record[key] for key in ("verdict", "answer", "errno")], ["ask", "nobody", "EACCES"])
        self.assertEqual(record["rule"]["verdict"], "ask")

        # Who decides before the policy answers in its place.
        def decide(call):
            return reeve.Path(self.top / "open") if call.paths[0].endswith("shut") else None
        result = reeve.run(words, policy=policy, capture=True, cwd=self.top, decide=decide)
        self.assertEqual(result.stdout, b"open\nopen\n")

    def test_failing_decision_refuses(self):
        def decide(call):
            if call.paths[0].endswith("open"):
                raise RuntimeError("on purpose")
        with self.assertRaisesRegex(RuntimeError, "on purpose"):
            reeve.run([*SH, "cat open && touch reached"], read=["/"], exec=["/"], write=[self.top], cwd=self.top,
                      operations=["open"], decide=decide)
        self.assertFalse((self.top / "reached").exists())

    def test_policy_stays_the_limit(self):
        result = reeve.run([*SH, "cat open; echo x >shut"], read=["/"], exec=["/"], cwd=self.top, operations=["open"],
                           decide=lambda call: reeve.Path(self.top / "shut") if "open" in call.paths[0] else None,
                           deny=[self.top / "shut"], capture=True)
        self.assertEqual(result.stdout, b"")
        self.assertNotEqual(result.code, 0)
        self.assertEqual((self.top / "shut").read_text(), "shut\n")

    def test_threads(self):
        results = []

        def go():
            results.append(reeve.run([*SH, "for i in 1 2 3 4 5 6 7 8; do cat open shut; done"], read=["/"], exec=["/"],
                                     deny=[self.top / "shut"], capture=True, cwd=self.top))
        threads = [threading.Thread(target=go) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([(result.code, result.stderr) for result in results], [(1, b"cat: shut: Permission denied\n" * 8)] * 4)
        self.assertEqual([result.stdout for result in results], [b"open\n" * 8] * 4)
        self.assertEqual([len(result.denied) for result in results], [8] * 4)

    def test_nothing_stays(self):
        reeve.run(["true"], exec=["/"])
        before = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
        for _ in range(20):
            reeve.run([*SH, "cat open"], read=["/"], exec=["/"], deny=[self.top / "shut"], capture=True, cwd=self.top)
        for _ in range(6000):  # a thread that was joined may be seen for a moment
            after = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
            if after[0] <= before[0] and after[1] <= before[1]:
                break
            time.sleep(0.01)
        self.assertLessEqual(after[0], before[0])
        self.assertLessEqual(after[1], before[1])

    def test_reload(self):
        policy = reeve.Policy().use("base").read("/").exec("/").deny(self.top / "shut")
        other = reeve.Policy(like=policy).use("base").read("/").exec("/").deny(self.top / "open")
        wider = reeve.Policy(like=policy).use("base").read("/").exec("/").write("/")
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        with reeve.spawn(reeve.Plan(policy), [*SH, "cat open shut; echo; read x; cat open shut; echo"], cwd=self.top,
                         stdin=in_read, stdout=out_write) as run:
            os.close(out_write)
            first = b""
            while not first.endswith(b"\n\n"):
                first += os.read(out_read, 100)
            try:
                with self.assertRaisesRegex(reeve.Error, "write"):
                    run.reload(wider)
                run.reload(other)
            finally:
                os.write(in_write, b"\n")
            run.wait()
        self.assertEqual(first, b"open\n\n")
        self.assertEqual(os.read(out_read, 100), b"shut\n\n")
        for fd in in_read, in_write, out_read:
            os.close(fd)


class Policies(unittest.TestCase):
    def test_errors(self):
        with self.assertRaisesRegex(reeve.PolicyError, r"mine:3:5: unknown key 'raed'; did you mean 'read'\?"):
            reeve.Policy().text("reeve: 1\nfiles:\n  - raed: /\n", name="mine")
        with self.assertRaises(reeve.PolicyError):
            reeve.Policy().rule("nonsense", "x")
        with self.assertRaises(reeve.Error):
            reeve.Policy().use("no-such-profile")

    def test_explain_and_ask(self):
        plan = reeve.Plan(reeve.Policy().read("/usr").deny("/usr/share"))
        self.assertTrue(plan.ask("open:/usr/bin/env:r"))
        answer = plan.ask("open:/usr/share/x:r")
        self.assertFalse(answer)
        self.assertEqual(answer.details["errno"], "EACCES")
        self.assertIn("openat", plan.explain()["notifies"])
        self.assertIn("The rules", str(plan))
        with self.assertRaises(reeve.Error):
            reeve.Plan(reeve.Policy(), operations=["dance"])


class Holding(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.top = pathlib.Path(self.folder.name).resolve()

    def lines(self, name):
        return (self.top / name).read_text().splitlines()

    def test_limits(self):
        other = reeve.subprocess.Popen(["sleep", "1000"])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        for limits, script, code in (({"wall-time": "300ms"}, "sleep 1000 & sleep 1000", -signal.SIGKILL),
                                     ({"processes": 5}, "for i in 1 2 3 4 5 6; do sleep 1000 & done; wait", -signal.SIGKILL),
                                     ({"cpu-time": "200ms"}, "while :; do :; done", -signal.SIGKILL)):
            result = reeve.run([*SH, script], exec=["/"], limits=limits)
            self.assertEqual((result.code, result.limit), (code, *limits))
            (note,) = [record for record in result.records if record.get("note") == "limit"]
            self.assertEqual(note["limit"], result.limit)
        result = reeve.run([*SH, "exit 3"], exec=["/"], limits={"wall-time": "10m", "memory": "4G", "open-files": 64})
        self.assertEqual((result.code, result.limit), (3, None))
        self.assertIsNone(other.poll())
        with self.assertRaises(reeve.PolicyError):
            reeve.Policy().limit("patience", 1)

    def test_limits_in_threads(self):
        """Each counts its own tree: together they are too many."""
        results = {}

        def one(number, script, **limits):
            results[number] = reeve.run([*SH, script], exec=["/"], limits=limits)
        scripts = ["for i in 1 2 3; do sleep 1 & done; wait; exit 0"] * 4 + ["for i in 1 2 3 4 5 6; do sleep 1000 & done; wait"] * 2
        threads = [threading.Thread(target=one, args=(number, script), kwargs={"processes": 5})
                   for number, script in enumerate(scripts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([results[number].limit for number in range(6)], [None] * 4 + ["processes"] * 2)
        self.assertEqual([results[number].code for number in range(4)], [0] * 4)

    def test_output(self):
        result = reeve.run([*SH, "echo one; echo two >&2"], exec=["/"], stdout=self.top / "out", stderr=self.top / "err")
        self.assertEqual((result.code, self.lines("out"), self.lines("err")), (0, ["one"], ["two"]))
        reeve.run([*SH, "i=0; while [ $i -lt 4000 ]; do echo $i; i=$((i+1)); done"], exec=["/"],
                  stdout=self.top / "log", rotate="4K", keep=9)
        self.assertTrue((self.top / "log.4").exists())
        self.assertEqual([line for number in (".4", ".3", ".2", ".1", "") for line in self.lines("log" + number)],
                         [str(number) for number in range(4000)])
        with self.assertRaises(ValueError):
            reeve.run(["true"], stdout="x", capture=True)
        with self.assertRaisesRegex(reeve.Error, "stdout cannot go to /nonexistent/x"):
            reeve.run(["true"], exec=["/"], stdout="/nonexistent/x")

    def test_own_network(self):
        try:
            reeve.Plan(reeve.Policy().use("base").exec("/").own_network())
        except reeve.Error as error:
            # Where the machine gives users no namespaces there is not even a plan.
            self.assertEqual(error.errno, errno.ENOTSUP)
            self.assertIn("this machine gives none", str(error))
            self.assertNotEqual(os.geteuid(), 0)
            self.skipTest(str(error))
        before = os.readlink("/proc/self/ns/net")
        result = reeve.run([*SH, "grep -c : /proc/self/net/dev"], read=["/"], exec=["/"], own_network=True, capture=True)
        self.assertEqual(result.stdout, b"1\n")
        result = reeve.run([*SH, "cat /etc/hostname"], read=["/"], exec=["/"], own_network=True, capture=True,
                           decide=lambda call: reeve.Deny("EDOM") if "/etc/hostname" in call.paths else None,
                           operations=["open"], limits={"wall-time": "10m"})
        self.assertIn(b"Numerical argument", result.stderr)
        self.assertTrue(any(record.get("errno") == "EDOM" for record in result.denied), result.denied)
        self.assertEqual(os.readlink("/proc/self/ns/net"), before)

    def test_no_name_server(self):
        with self.assertRaisesRegex(reeve.Error, "no address") as raised:
            reeve.run(["true"], exec=["/"], connect=["example.org:1"], name_server="nonsense")
        self.assertEqual(raised.exception.errno, errno.EDESTADDRREQ)


if __name__ == "__main__":
    unittest.main()
