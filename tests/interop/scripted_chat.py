#!/usr/bin/env python3
"""A model that calls the tools it is told to, for the scripts beside it.

SPDX-License-Identifier: Apache-2.0

`ScriptedChat(calls)` serves OpenAI's chat completions on a free port of this
machine for as long as the `with` block runs. Each request with fewer results
than `calls` is answered with the next call, any other with the texts of the
results.
"""

import http.server
import json
import threading


class ScriptedChat:
    def __init__(self, calls):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                size = int(self.headers["content-length"])
                outer.answer(self, json.loads(self.rfile.read(size)))

        self.calls = calls
        self.tools = []
        self.results = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def answer(self, handler, body):
        self.tools = [each["function"]["name"] for each in body.get("tools", [])]
        self.results = [each["content"] for each in body["messages"]
                        if each["role"] == "tool"]
        done = len(self.results)
        if done < len(self.calls):
            name, arguments = self.calls[done]
            delta = {"tool_calls": [{
                "index": 0, "id": f"call_{done}", "type": "function",
                "function": {"name": name,
                             "arguments": json.dumps(arguments)}}]}
            reason = "tool_calls"
        else:
            delta = {"content": "\n".join(map(str, self.results))}
            reason = "stop"
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        for choice in ({"index": 0, "delta": delta},
                       {"index": 0, "delta": {}, "finish_reason": reason}):
            chunk = {"object": "chat.completion.chunk", "choices": [choice]}
            handler.wfile.write(b"data: " + json.dumps(chunk).encode() +
                                b"\n\n")
        handler.wfile.write(b"data: [DONE]\n\n")
