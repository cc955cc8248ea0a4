"""A loopback server with prebuilt answers, so that the client's own cost is what is measured.

python server.py PORT EVENTS_PER_WRITE
"""

import asyncio
import json
import sys

DELTAS = 2000
WHOLE = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "lorem " * 40}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 12, "output_tokens": 40},
}


def event(data: dict) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def events() -> list[bytes]:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lorem "}}
    return [
        event({"type": "message_start", "message": {**WHOLE, "content": [], "stop_reason": None}}),
        event(block),
        *[event(delta)] * DELTAS,
        event({"type": "content_block_stop", "index": 0}),
        event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": DELTAS}}),
        event({"type": "message_stop"}),
    ]


class Handler(asyncio.Protocol):
    whole: bytes
    stream: list[bytes]

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            if len(rest) < length:
                return
            body, self.buffer = rest[:length], rest[length:]
            for part in self.stream if b'"stream":true' in body.replace(b" ", b"") else [self.whole]:
                self.transport.write(part)


async def main(port: int, per_write: int) -> None:
    body = json.dumps(WHOLE).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: "
    Handler.whole = head + b"application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    all_events = events()
    writes = [b"".join(all_events[at : at + per_write]) for at in range(0, len(all_events), per_write)]
    chunks = [b"%x\r\n%s\r\n" % (len(data), data) for data in writes]
    Handler.stream = [head + b"text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n"]
    server = await asyncio.get_running_loop().create_server(Handler, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
