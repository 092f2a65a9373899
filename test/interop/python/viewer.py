"""A small viewer: prints each reliable message of a room as a line of JSON, once and in order, whatever becomes of gateways.

usage: viewer.py ROOM LAST ENDPOINT...   ends after the message whose payload is LAST

Follows docs/writing-a-client.md; the numbers in comments are those of its rules.
"""

import json
import queue
import random
import sys
import threading
import time

import grpc
from live.v1 import live_pb2 as pb
from live.v1 import live_pb2_grpc

WELCOME_S = 10
PROBE_S = 2
SLACK_S = 0.25
WINDOW_BYTES = 256 * 1024


class Lost(Exception):
    """The connection is gone, or as good as gone: there is another attempt."""


class Viewer:
    def __init__(self, room, last, endpoints):
        self.room = room
        self.last = last
        self.endpoints = random.sample(endpoints, len(endpoints))  # 6
        self.cursor = None
        self.turning = False
        self.failures = 0

    def run(self):
        while True:
            try:
                self.attempt(self.endpoints[0])
                return
            except Lost as lost:
                print(f"lost: {lost}", file=sys.stderr, flush=True)
            self.endpoints.append(self.endpoints.pop(0))
            ceiling = min(10, 0.25 * 2**self.failures)
            self.failures += 1
            time.sleep(random.uniform(0, ceiling))

    def attempt(self, endpoint):
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]  # 1
        requests = queue.SimpleQueue()
        requests.put(pb.ClientFrame(hello=pb.Hello(client="python viewer", revision=1)))
        requests.put(pb.ClientFrame(join=self.join()))  # 2
        with grpc.insecure_channel(endpoint, options=options) as channel:
            call = live_pb2_grpc.LiveStub(channel).Connect(iter(requests.get, None))
            frames = queue.SimpleQueue()
            threading.Thread(target=receive, args=(call, frames), daemon=True).start()
            try:
                self.follow(frames, requests)
            finally:
                call.cancel()
                requests.put(None)

    def join(self):
        join = pb.Join(room=self.room, credit_bytes=WINDOW_BYTES)  # 13
        if self.cursor is None:
            join.start.earliest.SetInParent()
        else:
            join.cursor.CopyFrom(self.cursor)  # 7
        return join

    def follow(self, frames, requests):
        frame = take(frames, WELCOME_S)  # 3
        if frame is None or not frame.HasField("welcome"):
            raise Lost("no welcome")
        silence = frame.welcome.heartbeat_ms / 1000 * 2 + SLACK_S
        while True:
            frame = take(frames, silence)  # 4
            if frame is None:
                requests.put(pb.ClientFrame(ping=pb.Ping(nonce=1)))
                frame = take(frames, PROBE_S)
                if frame is None:
                    raise Lost("silent")
            if self.handle(frame, requests):
                return

    def handle(self, frame, requests):
        """Returns whether this was the end."""
        kind = frame.WhichOneof("frame")
        if kind == "joined":
            self.turning = frame.joined.outcome in (pb.Joined.OUTCOME_GAP, pb.Joined.OUTCOME_RESET)
            if not self.turning:
                self.cursor = frame.joined.cursor
        elif kind == "batch":
            for message in frame.batch.reliable:
                if self.message(message):
                    return True
            requests.put(pb.ClientFrame(credit=pb.Credit(room=self.room, bytes=frame.ByteSize())))
        elif kind in ("gap", "reset"):
            told = getattr(frame, kind)
            say({kind: True, "seq": told.cursor.seq})
            self.cursor = told.cursor
        elif kind == "caught_up":
            self.failures = 0
            if frame.caught_up.cursor.seq >= self.cursor.seq:
                self.cursor = frame.caught_up.cursor
        elif kind == "reconnect":
            time.sleep(frame.reconnect.after_ms / 1000)
            raise Lost("sent away")
        elif kind == "room_error":
            if not frame.room_error.refusal.HasField("retry_after_ms"):  # 12
                raise SystemExit(f"refused: {frame.room_error.refusal.message}")
            raise Lost(frame.room_error.refusal.message)
        return False

    def message(self, message):
        if message.seq <= self.cursor.seq:  # 8
            return False
        if message.prev_seq > self.cursor.seq:
            raise Lost(f"{message.seq} does not follow {self.cursor.seq}")
        say({"seq": message.seq, "payload": message.payload.decode(), "headers": dict(message.headers)})
        self.cursor = pb.Cursor(epoch=self.cursor.epoch, seq=message.seq, fingerprint=message.fingerprint)
        return message.payload.decode() == self.last


def receive(call, frames):
    try:
        for frame in call:
            frames.put(frame)
        frames.put(Lost("the gateway ended the stream"))
    except grpc.RpcError as error:
        frames.put(final(error) or Lost(str(error.details())))


def final(error):
    """5: what the gateway refuses without a time to try again is not tried again."""
    from google.rpc import error_details_pb2, status_pb2

    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if details is None:
        return None
    kinds = [detail.type_url.rsplit("/")[-1] for detail in status_pb2.Status.FromString(details).details]
    if "google.rpc.ErrorInfo" in kinds and "google.rpc.RetryInfo" not in kinds:
        return SystemExit(f"refused: {error.details()}")
    return None


def take(frames, seconds):
    try:
        frame = frames.get(timeout=seconds)
    except queue.Empty:
        return None
    if isinstance(frame, BaseException):
        raise frame
    return frame


def say(line):
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    Viewer(sys.argv[1], sys.argv[2], sys.argv[3:]).run()
