"""A Runtime API loop for tests: what it answers is asked for in the event's body."""

import base64
import http.client
import json
import os
import pathlib
import sys
import time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
PREFIX = "/2018-06-01/runtime"
DELIMITER = b"\0" * 8


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Answer:
    """One streamed response, written chunk by chunk."""

    def __init__(self, request_id):
        self.connection = http.client.HTTPConnection(API)
        self.connection.putrequest("POST", f"{PREFIX}/invocation/{request_id}/response")
        self.connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        self.connection.putheader("Content-Type", "application/vnd.awslambda.http-integration-response")
        self.connection.putheader("Transfer-Encoding", "chunked")
        self.connection.putheader("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
        self.connection.endheaders()

    def write(self, data):
        self.connection.send(chunk(data))

    def prelude(self, status=200, **more):
        self.write(json.dumps({"statusCode": status, **more}).encode())
        self.write(DELIMITER)

    def end(self, error=None):
        trailers = b""
        if error:
            body = base64.b64encode(json.dumps({"errorMessage": error}).encode())
            trailers = b"Lambda-Runtime-Function-Error-Type: Test.Error\r\n"
            trailers += b"Lambda-Runtime-Function-Error-Body: " + body + b"\r\n"
        self.connection.send(b"0\r\n" + trailers + b"\r\n")
        assert self.connection.getresponse().status == 202


def wait_for(path):
    while not pathlib.Path(path).exists():
        time.sleep(0.005)


def answer(event, request_id):
    wanted = json.loads(event.get("body") or "{}")
    kind = wanted.get("kind", "echo")
    line = {"kind": kind, "request": request_id, "context": event["requestContext"]["requestId"]}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    if kind == "exit":
        sys.exit(3)
    if kind == "error":
        connection = http.client.HTTPConnection(API)
        connection.request("POST", f"{PREFIX}/invocation/{request_id}/error", json.dumps({"errorMessage": "no"}))
        connection.getresponse().read()
        return
    reply = Answer(request_id)
    if kind == "no-prelude":
        reply.write(b'{"statusCode": 200}')
    elif kind == "gated":
        reply.prelude(headers={"content-type": "text/event-stream"})
        reply.write(b"data: first\n\n")
        wait_for(wanted["gate"])
        reply.write(b"data: last\n\n")
    elif kind == "break":
        reply.prelude()
        reply.write(b"half")
        reply.end(error="broke in the middle")
        return
    else:
        reply.prelude(201, headers={"x-from": "loop"}, cookies=["a=1", "b=2"])
        seen = {"event": event, "environment": dict(os.environ), "pid": os.getpid(), "argv0": sys.argv[0]}
        reply.write(json.dumps(seen).encode())
    reply.end()


def main():
    if os.environ.get("FAIL_INIT"):
        sys.exit("refusing to start")
    while True:
        connection = http.client.HTTPConnection(API)
        connection.request("GET", f"{PREFIX}/invocation/next")
        response = connection.getresponse()
        event = json.loads(response.read())
        answer(event, response.headers["Lambda-Runtime-Aws-Request-Id"])


main()
