"""A chat endpoint on the loopback that answers as it is told: well, late, not at all, or nonsense."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100}


def questions(request):
    """Return the (A, B) sentences of every question in a request."""
    text = request["messages"][1]["content"][0]["text"]
    return re.findall(r"^Question \d+\. A: (.*)\. B: (.*)\.$", text, re.MULTILINE)


def likes(word):
    """An honest model: A is probable where A holds the word, improbable where B does."""
    return lambda request: [0.9 if word in a else 0.1 if word in b else 0.5 for a, b in questions(request)]


class ChatStub:
    """behave(request) returns probabilities, or (status, body text); delay_s passes before the answer, trickle_s after
    every `chunk` bytes of it."""

    def __init__(self):
        self.behave = likes("clear")
        self.delay_s = 0.0
        self.chunk, self.trickle_s = 1 << 20, 0.0
        self.usage = USAGE
        self.requests = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.requests.append((request, {name.lower(): value for name, value in self.headers.items()}))
                time.sleep(stub.delay_s)
                status, body = stub.answer(request)
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body.encode())))
                    self.end_headers()
                    for start in range(0, len(body.encode()), stub.chunk):
                        self.wfile.write(body.encode()[start : start + stub.chunk])
                        self.wfile.flush()
                        time.sleep(stub.trickle_s)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client gave up waiting

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, request):
        told = self.behave(request)
        if isinstance(told, tuple):
            return told
        return 200, completion(json.dumps({"probabilities": told}), self.usage)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def completion(content, usage=USAGE):
    message = {"role": "assistant", "content": content}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }
    return json.dumps(body | ({"usage": usage} if usage else {}))
