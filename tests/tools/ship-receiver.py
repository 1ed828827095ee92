"""A receiver for bailee log ship that does as it is told: ship-receiver.py PORT-FILE OUT WAY...

The n-th connection is treated the n-th WAY, what comes later the last: read (to the end), close (after some bytes), reset (the same,
without an end), hold (reads to the end, says "end", closes when a line comes in), deaf (reads nothing, closes when a line comes in).
Says "open" for each connection. What was read goes to OUT, whole lines or not.
"""
import os, socket, struct, sys

port_file, out, *ways = sys.argv[1:]
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(8)
with open(port_file + ".new", "w") as file:
    file.write(str(listener.getsockname()[1]))
os.rename(port_file + ".new", port_file)
file = open(out, "ab", 0)
turn = 0
while True:
    connection, _ = listener.accept()
    way = ways[min(turn, len(ways) - 1)]
    turn += 1
    print("open", flush=True)
    if way == "deaf":
        sys.stdin.readline()
    elif way in ("close", "reset"):
        file.write(connection.recv(100) + b"\n")
    else:
        try:
            while got := connection.recv(1 << 16):
                file.write(got)
        except OSError:
            pass
    if way == "hold":
        print("end", flush=True)
        sys.stdin.readline()
    if way == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
