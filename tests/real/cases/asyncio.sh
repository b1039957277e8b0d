# asyncio: processes, threads, a server on a UNIX socket and its client, signals.
# needs: python3
# plans: default home
# looks: connect listen
exec python3 - <<'PYTHON'
import asyncio, os, signal, socket
async def echo(reader, writer):
    writer.write((await reader.readline()).upper()); await writer.drain(); writer.close()
async def main():
    server = await asyncio.start_unix_server(echo, 'socket')
    for word in ('one', 'two'):
        reader, writer = await asyncio.open_unix_connection('socket')
        writer.write(word.encode() + b'\n'); print(await reader.readline()); writer.close()
    server.close()
    processes = await asyncio.gather(*(asyncio.create_subprocess_shell(f'exit {i}') for i in range(8)))
    print([await process.wait() for process in processes])
    print(await asyncio.gather(*(asyncio.to_thread(lambda i=i: open(f'f{i}', 'w').write('x' * i)) for i in range(8))))
    got = asyncio.Event(); asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1); await got.wait(); print('signalled')
    try:
        await asyncio.wait_for(asyncio.sleep(9), 0.01)
    except asyncio.TimeoutError:
        print('timeout')
asyncio.run(main())
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    socket.socket(family, socket.SOCK_STREAM).close()
PYTHON
