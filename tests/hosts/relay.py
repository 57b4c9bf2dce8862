"""A link between two network devices with delay and loss.

    relay.py NAME NAME MILLISECONDS LOSS

Makes two TUN devices of these names, which may be moved to other network namespaces, and carries packets from each
to the other: after a delay, but for a share that is lost, drawn with a fixed seed. For kernels that have no netem.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
QUEUE = 1000


def device(name):
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def main():
    names, delay, loss = sys.argv[1:3], float(sys.argv[3]) / 1000, float(sys.argv[4])
    tuns = [device(name) for name in names]
    other = {tuns[0]: tuns[1], tuns[1]: tuns[0]}
    draw, waiting, number = random.Random(1), [], 0
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, to, packet = heapq.heappop(waiting)
            try:
                os.write(to, packet)
            except OSError:
                pass  # The device is down, or full: the packet is lost.
        patience = max(0, waiting[0][0] - now) if waiting else None
        for tun in select.select(tuns, [], [], patience)[0]:
            for _ in range(QUEUE):
                try:
                    packet = os.read(tun, 65536)
                except OSError:
                    break
                number += 1
                if draw.random() >= loss:
                    heapq.heappush(waiting, (time.monotonic() + delay, number, other[tun], packet))


main()
