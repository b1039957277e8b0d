"""Commands under a policy: what they may read, change, run and connect to. See README.md, libreeve(3)."""
from __future__ import annotations

import ctypes
import dataclasses
import errno
import json
import os
import subprocess
import threading
from typing import IO, Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Union

__all__ = ["Error", "PolicyError", "Policy", "Plan", "Call", "Deny", "Value", "Path", "Run", "Result", "spawn", "run"]

_Text = Union[str, bytes, "os.PathLike[str]"]


class Error(OSError):
    """What the library could not do, with the errno of why."""


class PolicyError(Error, ValueError):
    """A policy with errors: str() has a line for each, with its place."""


# ---- the library ----

class _Call(ctypes.Structure):
    _fields_ = [("task", ctypes.c_int), ("name", ctypes.c_char_p), ("operation", ctypes.c_char_p),
                ("arguments", ctypes.POINTER(ctypes.c_uint64)), ("paths", ctypes.c_char_p * 2),
                ("flags", ctypes.c_uint64)]


class _Decision(ctypes.Structure):
    _fields_ = [("error", ctypes.c_int), ("value", ctypes.c_int64), ("path", ctypes.c_void_p),
                ("why", ctypes.c_char_p)]


_DECIDE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Call), ctypes.POINTER(_Decision))
_RECORD = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_NO_DECIDE, _NO_RECORD = _DECIDE(0), _RECORD(0)


class _Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("environment", ctypes.POINTER(ctypes.c_char_p)),
                ("directory", ctypes.c_char_p), ("input", ctypes.c_int), ("output", ctypes.c_int),
                ("error", ctypes.c_int), ("serve_self", ctypes.c_bool),
                ("decide", _DECIDE), ("record", _RECORD), ("user", ctypes.c_void_p),
                ("name_server", ctypes.c_char_p), ("ret_error", ctypes.POINTER(ctypes.c_void_p))]


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ.get("REEVE_LIBRARY", "libreeve.so.0"), use_errno=False)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    shapes: Dict[str, Any] = {
        "reeve_policy_new": (number, [ctypes.POINTER(pointer)]),
        "reeve_policy_like": (number, [pointer, ctypes.POINTER(pointer)]),
        "reeve_policy_free": (None, [pointer]),
        "reeve_policy_add_file": (number, [pointer, text]),
        "reeve_policy_add_text": (number, [pointer, text, text, ctypes.c_size_t]),
        "reeve_policy_add_profile": (number, [pointer, text]),
        "reeve_policy_add_rule": (number, [pointer, text, text]),
        "reeve_policy_errors": (text, [pointer]),
        "reeve_plan_new": (number, [pointer, ctypes.c_uint, ctypes.POINTER(text), ctypes.POINTER(pointer),
                                    ctypes.POINTER(pointer)]),
        "reeve_plan_free": (None, [pointer]),
        "reeve_plan_explain": (number, [pointer, ctypes.c_bool, ctypes.POINTER(pointer)]),
        "reeve_plan_ask": (number, [pointer, text, ctypes.c_bool, ctypes.POINTER(pointer)]),
        "reeve_spawn": (number, [pointer, ctypes.POINTER(text), ctypes.POINTER(_Options), ctypes.POINTER(pointer)]),
        "reeve_run_pid": (number, [pointer]),
        "reeve_run_signal": (number, [pointer, number]),
        "reeve_run_wait": (number, [pointer, ctypes.POINTER(number)]),
        "reeve_run_limit": (number, [pointer, ctypes.POINTER(text)]),
        "reeve_run_reload": (number, [pointer, pointer, ctypes.POINTER(pointer)]),
        "reeve_run_summary": (number, [pointer, ctypes.POINTER(pointer)]),
        "reeve_run_free": (None, [pointer]),
    }
    for name, (result, arguments) in shapes.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_lib = _load()
_libc = ctypes.CDLL(None)
_libc.free.argtypes = [ctypes.c_void_p]


def _taken(pointer: ctypes.c_void_p) -> str:
    """The text at a pointer that the library leaves to us."""
    if not pointer.value:
        return ""
    text = ctypes.string_at(pointer.value).decode(errors="surrogateescape")
    _libc.free(pointer)
    return text


def _check(result: int, what: str, why: str = "") -> int:
    if result < 0:
        raise Error(-result, f"{what}: {why.strip() or os.strerror(-result)}")
    return result


def _strings(items: Iterable[_Text]) -> "ctypes.Array[ctypes.c_char_p]":
    encoded = [os.fsencode(item) for item in items]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


# ---- policies and plans ----

class Policy:
    """Rules, in any order. An empty policy allows nothing. Each method returns the policy, for the next one."""

    def __init__(self, like: Optional["Policy"] = None) -> None:
        """`like` is the policy of a run that shall be reloaded with this one: both have the same private folder."""
        self._pointer = ctypes.c_void_p()
        if like is None:
            result = _lib.reeve_policy_new(ctypes.byref(self._pointer))
        else:
            result = _lib.reeve_policy_like(like._pointer, ctypes.byref(self._pointer))
        _check(result, "a new policy")

    def __del__(self) -> None:
        if getattr(self, "_pointer", None):
            _lib.reeve_policy_free(self._pointer)

    def _added(self, result: int, what: str) -> "Policy":
        if result == -errno.EINVAL:
            raise PolicyError(errno.EINVAL, (_lib.reeve_policy_errors(self._pointer) or b"").decode(errors="replace"))
        _check(result, what)
        return self

    def file(self, path: _Text) -> "Policy":
        return self._added(_lib.reeve_policy_add_file(self._pointer, os.fsencode(path)), f"policy {path!r}")

    def text(self, text: str, name: str = "policy") -> "Policy":
        data = text.encode()
        return self._added(_lib.reeve_policy_add_text(self._pointer, name.encode(), data, len(data)), name)

    def use(self, profile: str) -> "Policy":
        return self._added(_lib.reeve_policy_add_profile(self._pointer, profile.encode()), f"profile {profile!r}")

    def rule(self, key: str, value: _Text) -> "Policy":
        """The twin of a flag of `reeve run` without its dashes: rule("deny", "~/.ssh")."""
        return self._added(_lib.reeve_policy_add_rule(self._pointer, key.encode(), os.fsencode(value)), key)

    def _each(self, key: str, values: Iterable[_Text]) -> "Policy":
        for value in values:
            self.rule(key, value)
        return self

    def read(self, *paths: _Text) -> "Policy":
        return self._each("read", paths)

    def write(self, *paths: _Text) -> "Policy":
        return self._each("write", paths)

    def exec(self, *paths: _Text) -> "Policy":
        return self._each("exec", paths)

    def deny(self, *paths: _Text) -> "Policy":
        return self._each("deny", paths)

    def hide(self, *paths: _Text) -> "Policy":
        return self._each("hide", paths)

    def connect(self, *addresses: str) -> "Policy":
        return self._each("connect", addresses)

    def listen(self, *addresses: str) -> "Policy":
        return self._each("listen", addresses)

    def limit(self, name: str, value: Union[str, int]) -> "Policy":
        """limit("memory", "2G"), limit("wall-time", "10m"), limit("processes", 100); see reeve-policy(5)."""
        return self.rule("limit", f"{name}={value}")

    def output(self, *, stdout: Optional[_Text] = None, stderr: Optional[_Text] = None, rotate: Optional[str] = None,
               keep: Optional[int] = None) -> "Policy":
        """Files that what the command writes is added to; with `rotate`, as "10M", a new one begins at that size."""
        for key, value in ("stdout", stdout), ("stderr", stderr), ("rotate", rotate):
            if value is not None:
                self.rule(key, value)
        return self if keep is None else self.rule("keep", str(keep))

    def own_network(self) -> "Policy":
        """A network with nothing in it but a loopback. Needs root, or a machine that lets users make namespaces."""
        return self.rule("network", "own")


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a policy says to one question; `details` is as `reeve explain --json` prints it."""
    allowed: bool
    details: Dict[str, Any]

    def __bool__(self) -> bool:
        return self.allowed


class Plan:
    """What a policy became on this machine. May be used for many runs."""

    def __init__(self, policy: Policy, *, best_effort: bool = False, verbose_denials: bool = False,
                 operations: Sequence[str] = ()) -> None:
        self._pointer = ctypes.c_void_p()
        why = ctypes.c_void_p()
        result = _lib.reeve_plan_new(policy._pointer, best_effort | verbose_denials << 1, _strings(operations),
                                     ctypes.byref(self._pointer), ctypes.byref(why))
        _check(result, "the plan", _taken(why))

    def __del__(self) -> None:
        if getattr(self, "_pointer", None):
            _lib.reeve_plan_free(self._pointer)

    def explain(self) -> Dict[str, Any]:
        """Each rule, what holds it and why, and which system calls notify."""
        text = ctypes.c_void_p()
        _check(_lib.reeve_plan_explain(self._pointer, True, ctypes.byref(text)), "explain")
        explained: Dict[str, Any] = json.loads(_taken(text))
        return explained

    def __str__(self) -> str:
        text = ctypes.c_void_p()
        _check(_lib.reeve_plan_explain(self._pointer, False, ctypes.byref(text)), "explain")
        return _taken(text)

    def ask(self, question: str) -> Answer:
        """One question: "open:PATH:rw", "exec:PATH", "connect:ADDRESS", "syscall:NAME"."""
        text = ctypes.c_void_p()
        result = _check(_lib.reeve_plan_ask(self._pointer, os.fsencode(question), True, ctypes.byref(text)), question)
        return Answer(result == 1, json.loads(_taken(text)))


# ---- what a decision of one's own says ----

@dataclasses.dataclass(frozen=True)
class Call:
    """A call that waits for its answer."""
    task: int
    name: str
    operation: str
    arguments: Sequence[int]
    paths: Sequence[str]
    flags: int


class Deny:
    """The task gets this error."""

    def __init__(self, error: Union[int, str] = errno.EACCES, why: str = "") -> None:
        self.error = getattr(errno, error) if isinstance(error, str) else error
        self.why = why


class Value:
    """The call is not made, and the task gets this value."""

    def __init__(self, value: int) -> None:
        self.value = value


class Path:
    """The policy decides about this path in the place of the first one, and the call is made on it."""

    def __init__(self, path: _Text) -> None:
        self.path = os.fsencode(path)
        if len(self.path) >= 4096 or b"\0" in self.path:
            raise ValueError("a path of at most 4095 bytes without NUL")


Decision = Union[None, Deny, Value, Path]


# ---- runs ----

class Run:
    """A command, and all that it starts. Made by spawn(); a context manager that waits at its end."""

    def __init__(self, plan: Plan, argv: Sequence[_Text], *, env: Optional[Dict[str, str]] = None,
                 cwd: Optional[_Text] = None, stdin: Optional[int] = None, stdout: Optional[int] = None,
                 stderr: Optional[int] = None, name_server: Optional[str] = None,
                 decide: Optional[Callable[[Call], Decision]] = None,
                 record: Optional[Callable[[Dict[str, Any]], None]] = None) -> None:
        """stdin, stdout and stderr are descriptors, which come before files that the policy names for the output."""
        self._pointer = ctypes.c_void_p()
        self._plan, self._decide, self._record = plan, decide, record
        self.failure: Optional[BaseException] = None  # of a callback: the call that it was about was refused
        self._reasons: Dict[str, ctypes.c_char_p] = {}
        # The library calls these as long as it runs: they must live as long.
        self._callbacks = (_DECIDE(self._on_call) if decide else _NO_DECIDE,
                           _RECORD(self._on_record) if record else _NO_RECORD)
        options = _Options(size=ctypes.sizeof(_Options), decide=self._callbacks[0], record=self._callbacks[1],
                           input=stdin or 0, output=stdout or 0, error=stderr or 0)
        if env is not None:
            options.environment = _strings(f"{key}={value}" for key, value in env.items())
        if cwd is not None:
            options.directory = os.fsencode(cwd)
        if name_server is not None:
            options.name_server = name_server.encode()
        why = ctypes.c_void_p()
        options.ret_error = ctypes.pointer(why)
        result = _lib.reeve_spawn(plan._pointer, _strings(argv), ctypes.byref(options), ctypes.byref(self._pointer))
        _check(result, os.fsdecode(argv[0]) if argv else "no command", _taken(why))
        self.pid: int = _lib.reeve_run_pid(self._pointer)

    def _on_call(self, _user: Any, seen: Any, decision: Any) -> int:
        try:
            call = seen.contents
            assert self._decide
            answer = self._decide(Call(call.task, call.name.decode(), call.operation.decode(), call.arguments[:6],
                                       [os.fsdecode(path) for path in call.paths if path is not None], call.flags))
            if answer is None:
                return 0
            if isinstance(answer, Value):
                decision.contents.value = answer.value
                return 2
            if isinstance(answer, Path):
                if not decision.contents.path:
                    raise ValueError(f"{call.name.decode()} has no path")
                ctypes.memmove(decision.contents.path, answer.path + b"\0", len(answer.path) + 1)
                return 3
            if not isinstance(answer, Deny):
                raise TypeError(f"a decision is None, Deny, Value or Path, not {answer!r}")
            decision.contents.error = answer.error
            if answer.why:
                reason = self._reasons.setdefault(answer.why, ctypes.c_char_p(answer.why.encode()))
                decision.contents.why = reason
            return 1
        except BaseException as failure:  # what cannot be decided is refused
            self.failure = self.failure or failure
            return 1

    def _on_record(self, _user: Any, line: int, length: int) -> None:
        try:
            assert self._record
            self._record(json.loads(ctypes.string_at(line, length)))
        except BaseException as failure:
            self.failure = self.failure or failure

    def wait(self) -> int:
        """The command's exit code, -N for signal N, as subprocess has it."""
        status = ctypes.c_int()
        _check(_lib.reeve_run_wait(self._pointer, ctypes.byref(status)), "wait")
        return os.waitstatus_to_exitcode(status.value)

    @property
    def limit(self) -> Optional[str]:
        """The limit of the policy that ended the command, as "wall-time", or None."""
        name = ctypes.c_char_p()
        if _check(_lib.reeve_run_limit(self._pointer, ctypes.byref(name)), "limit") == 0 or name.value is None:
            return None
        return name.value.decode()

    def signal(self, number: int) -> None:
        _check(_lib.reeve_run_signal(self._pointer, number), "signal")

    def reload(self, policy: Policy) -> None:
        """From the next call on this policy holds, as far as the supervisor holds it."""
        why = ctypes.c_void_p()
        result = _lib.reeve_run_reload(self._pointer, policy._pointer, ctypes.byref(why))
        _check(result, "reload", _taken(why))

    def summary(self) -> Dict[str, Any]:
        text = ctypes.c_void_p()
        _check(_lib.reeve_run_summary(self._pointer, ctypes.byref(text)), "summary")
        counts: Dict[str, Any] = json.loads(_taken(text))
        return counts

    def close(self) -> None:
        """Waits until the command and all that it has started have ended."""
        if self._pointer:
            pointer, self._pointer = self._pointer, ctypes.c_void_p()
            _lib.reeve_run_free(pointer)
            # They refer to this object: with them the plan would stay, and what belongs to it.
            self._callbacks = None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


spawn = Run


@dataclasses.dataclass
class Result:
    """How a command went: its exit code (-N for signal N), what it wrote where that was captured, and each decision."""
    code: int
    records: List[Dict[str, Any]]
    summary: Dict[str, Any]
    stdout: Optional[bytes] = None
    stderr: Optional[bytes] = None
    limit: Optional[str] = None  # the limit of the policy that ended it

    @property
    def denied(self) -> List[Dict[str, Any]]:
        return [record for record in self.records if record.get("verdict", "allow") != "allow"]

    def check(self) -> "Result":
        if self.code:
            raise subprocess.CalledProcessError(self.code, "the command", self.stdout, self.stderr)
        return self


def _reader(into: IO[bytes], fd: int) -> threading.Thread:
    def copy() -> None:
        with os.fdopen(fd, "rb") as stream:
            for chunk in iter(lambda: stream.read1(65536), b""):
                into.write(chunk)
    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def run(argv: Sequence[_Text], *, read: Iterable[_Text] = (), write: Iterable[_Text] = (),
        exec: Iterable[_Text] = (), deny: Iterable[_Text] = (), hide: Iterable[_Text] = (),
        connect: Iterable[str] = (), listen: Iterable[str] = (), limits: Optional[Mapping[str, Union[str, int]]] = None,
        stdout: Optional[_Text] = None, stderr: Optional[_Text] = None, rotate: Optional[str] = None,
        keep: Optional[int] = None, own_network: bool = False, name_server: Optional[str] = None,
        use: Optional[Iterable[str]] = None, policy: Optional[_Text] = None, verbose_denials: bool = True, best_effort: bool = False,
        operations: Sequence[str] = (), capture: bool = False, env: Optional[Dict[str, str]] = None,
        cwd: Optional[_Text] = None, decide: Optional[Callable[[Call], Decision]] = None) -> Result:
    """Runs a command to its end, and the end of all that it starts.

    Without `use` and `policy` the profile is `base` where something is granted, else `workspace`, as with `reeve run`.
    With verbose_denials (the default here) every refusal of a file is in the records; without, most policies cost
    nothing, and what Landlock refuses is in no record.

    `limits` is as {"memory": "2G", "wall-time": "10m"}; `stdout` and `stderr` are files that the output is added to,
    which begin anew at the size `rotate`. With `capture` the output comes here, and to none of them."""
    import io

    if capture and (stdout is not None or stderr is not None):
        raise ValueError("output is captured or goes to files")

    written = Policy()
    grants = [*read], [*write], [*exec]
    for profile in ([use] if isinstance(use, str) else use) or ():
        written.use(profile)
    if policy is not None:
        written.file(policy)
    elif not use:
        written.use("base" if any(grants) else "workspace")
    written.read(*grants[0]).write(*grants[1]).exec(*grants[2])
    written.deny(*deny).hide(*hide).connect(*connect).listen(*listen)
    for name, value in (limits or {}).items():
        written.limit(name, value)
    written.output(stdout=stdout, stderr=stderr, rotate=rotate, keep=keep)
    if own_network:
        written.own_network()
    plan = Plan(written, best_effort=best_effort, verbose_denials=verbose_denials, operations=operations)
    records: List[Dict[str, Any]] = []
    buffers = [io.BytesIO(), io.BytesIO()]
    pipes = [os.pipe() for _ in buffers] if capture else []
    try:
        command = Run(plan, argv, env=env, cwd=cwd, decide=decide, record=records.append, name_server=name_server,
                      stdout=pipes[0][1] if capture else None, stderr=pipes[1][1] if capture else None)
    except BaseException:
        for pipe in pipes:
            os.close(pipe[0])
        raise
    finally:
        for pipe in pipes:
            os.close(pipe[1])
    threads = [_reader(buffer, pipe[0]) for buffer, pipe in zip(buffers, pipes)]
    with command:
        code = command.wait()
        for thread in threads:
            thread.join()
        summary = command.summary()
        limit = command.limit
    if command.failure:
        raise command.failure
    captured = [buffer.getvalue() if capture else None for buffer in buffers]
    return Result(code, records, summary, captured[0], captured[1], limit)
