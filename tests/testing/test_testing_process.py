import signal
import subprocess
import sys

import httpx
import pytest

from hippo.testing.server import main


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT])
def test_serves_as_a_process_until_it_is_told_to_end(ended_by: signal.Signals) -> None:
    options = "--port 0 --latency 0.01 --fault-rate 1 --fault-kinds 503 --lasting 503 --retry-after 2 --seed 1".split()
    command = [sys.executable, "-W", "error", "-m", "hippo.testing.server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            base = process.stdout.readline().strip()
            with httpx.Client(trust_env=False) as client:  # still connected when the server ends
                asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
                reply = client.post(f"{base}/chat/completions", json=asked)
                assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")
                stats = client.get(f"{base.removesuffix('/v1')}/stats").json()
                assert (stats["arrived"], stats["replies"], stats["faults"]) == (1, 0, {"503": 1})
                process.send_signal(ended_by)
                out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


def test_says_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "--fault-rate" in capsys.readouterr().out
