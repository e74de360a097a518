"""Channels against real counterparts: a faulty receiver, aiosmtpd, Alertmanager, a verifier."""

import email
import email.policy
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from fault_server import FaultServer, make_certificate

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "build/deps/python"))  # scripts/install_dependencies --test
NOW_US = 1_700_000_000_000_000
LOCAL = {"allow_http": True, "allowed_networks": ["127.0.0.0/8"]}
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
HOSTILE = 'dev "7"\r\nX-Injected: yes <script>{{Status}}</script> 😀'


def probe_binary() -> str:
    beside = Path(os.environ.get("TOCSIN_BINARY", str(ROOT / "build/release/tocsin"))).parent
    places = [beside / "channel_probe", beside / "bin/channel_probe"]
    if given := os.environ.get("TOCSIN_CHANNEL_PROBE"):
        places.insert(0, Path(given))
    return next((str(place) for place in places if os.access(place, os.X_OK)), "")


def skip_loudly(reason: str):
    print(f"SKIPPED: {reason}", flush=True)
    raise unittest.SkipTest(reason)


def record(device="dev_1", state="firing", **more) -> dict:
    return {
        "id": "00f1", "fingerprint": "a1b2c3d4e5f60718", "rule": "temperature_high", "severity": "critical",
        "state": state, "device_id": device, "timestamp": "2023-11-14T22:13:20.000000Z",
        "temperature": 51.5, "humidity": 40, "status": "ALERT" if state == "firing" else "OK",
        "reason": "temperature_high", "starts_at": "2023-11-14T22:13:20.000000Z",
        "ends_at": None if state == "firing" else "2023-11-14T22:14:20.000000Z", "event_count": 3, "value": 51.5,
        "labels": {"site": "north"}, "annotations": {"summary": "too hot"},
    } | more  # fmt: skip


class ChannelCase(unittest.TestCase):
    def setUp(self):
        self.binary = probe_binary()
        if not self.binary:
            skip_loudly("channel_probe is not built beside the program under test (BUILD_TESTING builds it)")
        self.directory = Path(tempfile.mkdtemp(prefix="tocsin-channels-"))
        self.addCleanup(shutil.rmtree, self.directory, True)

    def send(self, kind, options, alerts=None, policy=LOCAL, decided_us=NOW_US, **context):
        work = self.directory / "probe.json"
        work.write_text(json.dumps({
            "kind": kind, "options": options, "policy": policy,
            "notification": {"receiver": "ops", "group_key": "0:{site=\"north\"}", "decided_us": decided_us,
                             "group_labels": {"site": "north"}, "alerts": alerts or [record()]},
            "context": {"id": "delivery-1", "now_us": NOW_US} | context,
        }))  # fmt: skip
        done = subprocess.run([self.binary, str(work)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def receiver(self, certificate=None):
        server = FaultServer(certificate)
        self.addCleanup(server.close)
        return server


class WebhookTest(ChannelCase):
    def test_every_fault_of_a_receiver_has_its_outcome(self):
        server = self.receiver()
        future = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW_US // 1_000_000 + 90))
        cases = [
            ({"status": 204}, "delivered", 204, -1),
            ({"status": 500, "body": "oops"}, "retry", 500, -1),
            ({"status": 503, "headers": {"Retry-After": "7"}}, "retry", 503, 7_000_000),
            ({"status": 429, "headers": {"Retry-After": future}}, "retry", 429, 90_000_000),
            ({"status": 429, "headers": {"Retry-After": "soon"}}, "retry", 429, -1),
            ({"status": 408}, "retry", 408, -1),
            ({"status": 425}, "retry", 425, -1),
            ({"status": 410}, "disabled", 410, -1),
            ({"status": 400, "body": "bad"}, "dead", 400, -1),
            ({"status": 404}, "dead", 404, -1),
            ({"status": 307, "headers": {"Location": "http://127.0.0.1:1/"}}, "dead", 307, -1),
            ({"status": 200, "body": "x" * 1000, "fault": "reset"}, "retry", 0, -1),
            ({"fault": "hang"}, "retry", 0, -1),
            ({"body": "y" * 100, "fault": "slow"}, "retry", 0, -1),
        ]
        for answer, outcome, status, wait in cases:
            with self.subTest(answer=answer):
                server.answer = answer
                result = self.send("webhook", {"url": server.url}, policy=LOCAL | {"timeout_us": 700_000})
                self.assertEqual((result["outcome"], result["status"], result["retry_after_us"]),
                                 (outcome, status, wait), result)  # fmt: skip
        self.assertEqual(len(server.requests), len(cases))

    def test_nothing_listens_is_retried_and_a_private_address_is_dead(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/SECRETPATH"
            self.assertEqual(self.send("webhook", {"url": url})["outcome"], "retry")
            refused = self.send("webhook", {"url": url}, policy={"allow_http": True})
            self.assertIn("ALERT_ALLOW_NETWORKS", refused["error"])
            named = self.send("webhook", {"url": url.replace("127.0.0.1", "localhost")}, policy={"allow_http": True})
            self.assertEqual(named["outcome"], "dead")
            self.assertNotIn("SECRETPATH", json.dumps([refused, named["message"]]))

    def test_certificates_are_verified(self):
        good = make_certificate(self.directory, "good")
        expired = make_certificate(self.directory, "expired", days=-1)
        other = make_certificate(self.directory, "other", address="127.0.0.9")
        policy = {"allowed_networks": ["127.0.0.0/8"]}
        for certificate, outcome, word in ((good, "delivered", ""), (expired, "retry", "expired"),
                                           (other, "retry", "127.0.0.1")):  # fmt: skip
            with self.subTest(certificate=certificate.name):
                url = self.receiver(certificate).url
                result = self.send("webhook", {"url": url}, policy=policy | {"ca_file": str(certificate)})
                self.assertEqual(result["outcome"], outcome, result)
                self.assertIn(word, result["message"])
        url = self.receiver(good).url
        self.assertEqual(self.send("webhook", {"url": url}, policy=policy)["outcome"], "retry")
        insecure = {"url": url, "http_config.tls_config.insecure_skip_verify": "true"}
        self.assertEqual(self.send("webhook", insecure, policy=policy)["outcome"], "delivered")

    def test_the_reference_library_verifies_the_signature(self):
        try:
            from standardwebhooks import Webhook
        except ImportError:
            skip_loudly("the Python package standardwebhooks is not installed")
        server = self.receiver()
        old = "whsec_" + "b2xk" * 10
        now = int(time.time())
        self.send("webhook", {"url": server.url, "format": "tocsin", "secret": f"{SECRET} {old}"},
                  [record(HOSTILE)], now_us=now * 1_000_000)  # fmt: skip
        _, headers, body = server.requests[-1]
        headers = {name.lower(): value for name, value in headers.items()}
        self.assertEqual(headers["webhook-id"], "delivery-1")
        self.assertEqual(headers["idempotency-key"], "delivery-1")
        for secret in (SECRET, old):
            payload = Webhook(secret).verify(body, headers)
            self.assertEqual(payload["type"], "alert.firing")
            self.assertEqual(payload["data"]["alerts"][0]["device_id"], HOSTILE)
        with self.assertRaises(Exception):
            Webhook(SECRET).verify(body + b" ", headers)
        with self.assertRaises(Exception):
            Webhook("whsec_" + "eHh4" * 10).verify(body, headers)

    def test_an_echo_of_credentials_is_in_no_message(self):
        server = self.receiver()
        server.answer = {"status": 400, "body": "you sent Bearer CANARY-TOKEN to hook"}
        result = self.send("webhook", {"url": server.url, "http_config.authorization.credentials": "CANARY-TOKEN"})
        self.assertEqual(server.requests[-1][1]["Authorization"], "Bearer CANARY-TOKEN")
        self.assertNotIn("CANARY", json.dumps(result))


class ServicesTest(ChannelCase):
    """Services that only their makers run: what they answer by their documentation."""

    def test_slack_says_ok_or_it_is_no_delivery(self):
        server = self.receiver()
        for status, body, outcome in ((200, "ok", "delivered"), (200, '{"ok":true}', "delivered"),
                                      (200, "<html>login</html>", "retry"), (200, "", "retry"),
                                      (200, '{"ok":false,"error":"channel_not_found"}', "dead"),
                                      (200, '{"ok":false,"error":"ratelimited"}', "retry"),
                                      (200, "invalid_payload", "dead"), (404, "no_team", "dead"),
                                      (429, "", "retry"), (410, "channel_is_archived", "disabled")):  # fmt: skip
            with self.subTest(body=body):
                server.answer = {"status": status, "body": body}
                self.assertEqual(self.send("slack", {"api_url": server.url})["outcome"], outcome)
        self.send("slack", {"api_url": server.url}, possible_repeat=True)
        self.assertTrue(server.json()["attachments"][0]["title"].endswith(" (possible repeat)"))

    def test_telegram_tells_in_its_body_how_long_to_wait(self):
        server = self.receiver()
        base = server.url.removesuffix("/hook")
        server.answer = {"status": 429, "body": '{"ok":false,"error_code":429,"parameters":{"retry_after":35}}'}
        result = self.send("telegram", {"api_url": base, "bot_token": "1:CANARY", "chat_id": "-5"})
        self.assertEqual((result["outcome"], result["retry_after_us"]), ("retry", 35_000_000))
        self.assertEqual(server.requests[-1][0], "/bot1:CANARY/sendMessage")
        self.assertNotIn("CANARY", json.dumps(result))

    def test_keys_go_where_each_service_wants_them(self):
        server = self.receiver()
        base = server.url.removesuffix("/hook")
        self.send("pagerduty", {"url": server.url, "routing_key": "R1"})
        self.assertEqual((server.json()["routing_key"], server.json()["event_action"]), ("R1", "trigger"))
        self.send("opsgenie", {"api_url": base, "api_key": "K1"}, [record(state="resolved")])
        path, headers, _ = server.requests[-1]
        self.assertRegex(path, r"^/v2/alerts/[0-9a-f]{64}/close\?identifierType=alias$")
        self.assertEqual(headers["Authorization"], "GenieKey K1")
        self.send("twilio", {"api_url": base, "account_sid": "AC1", "auth_token": "T1", "to": "+1", "from": "+2"},
                  possible_repeat=True)  # fmt: skip
        path, headers, body = server.requests[-1]
        self.assertEqual(path, "/2010-04-01/Accounts/AC1/Messages.json")
        self.assertEqual(headers["Authorization"], "Basic QUMxOlQx")
        self.assertTrue(body.endswith(b"%20%28possible%20repeat%29"))
        self.send("ntfy", {"url": base, "topic": "t", "token": "N1"})
        self.assertEqual(server.requests[-1][1]["Authorization"], "Bearer N1")
        self.send("msteams", {"webhook_url": server.url}, possible_repeat=True)
        title = server.json()["attachments"][0]["content"]["body"][0]["text"]
        self.assertTrue(title.endswith(" (possible repeat)"), title)


class EmailTest(ChannelCase):
    def setUp(self):
        super().setUp()
        try:
            from aiosmtpd.controller import Controller
            from aiosmtpd.smtp import AuthResult
        except ImportError:
            skip_loudly("the Python package aiosmtpd is not installed")
        self.controller_class, self.auth_result = Controller, AuthResult
        self.mails, self.refusal = [], None

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope, session.ssl is not None))
        return self.refusal or "250 OK"

    def serve(self, **options):
        controller = self.controller_class(self, hostname="127.0.0.1", port=0, **options)
        # Port 0 lets the system choose; the controller's own check of the port needs the real one.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            controller.port = free.getsockname()[1]
        controller.start()
        self.addCleanup(controller.stop)
        return f"127.0.0.1:{controller.port}"

    def tls(self):
        certificate = make_certificate(self.directory, "mail")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        return certificate, context

    def options(self, smarthost, **more):
        return {"to": "ops@example.com, Night <night@example.com>", "from": "Tocsin <tocsin@example.com>",
                "smarthost": smarthost} | more  # fmt: skip

    def test_a_mail_by_starttls_with_a_login_arrives_whole(self):
        certificate, context = self.tls()
        logins = []

        def check(server, session, envelope, mechanism, data):
            logins.append((data.login, data.password))
            return self.auth_result(success=data.password == b"pass", handled=False)

        host = self.serve(tls_context=context, require_starttls=True, authenticator=check, auth_required=True)
        options = self.options(host, auth_username="user", auth_password="pass")
        options["headers.X-Site"] = "{{CommonLabels.site}}"
        policy = {"allowed_networks": ["127.0.0.0/8"], "ca_file": str(certificate)}
        result = self.send("email", options, [record(HOSTILE), record("dev_2", "resolved")], policy)
        self.assertEqual((result["outcome"], result["status"]), ("delivered", 250), result)
        self.assertEqual(logins, [(b"user", b"pass")])
        (envelope, encrypted), = self.mails  # fmt: skip
        self.assertTrue(encrypted)
        self.assertEqual(envelope.rcpt_tos, ["ops@example.com", "night@example.com"])
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.assertEqual(mail.defects, [])
        self.assertNotIn("X-Injected", mail)
        self.assertEqual(mail["X-Site"], "north")
        self.assertEqual(mail["Message-ID"], "<delivery-1@example.com>")
        self.assertIn("[FIRING:1] temperature_high", mail["Subject"])
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        self.assertIn(HOSTILE.replace("\r\n", "\n"), text.replace("\r\n", "\n"))
        self.assertIn("&lt;script&gt;{{Status}}", html)
        self.assertNotIn("<script>", html)
        options["auth_password"] = "wrong"
        refused = self.send("email", options, policy=policy)
        self.assertEqual((refused["outcome"], refused["status"]), ("dead", 535), refused)
        self.assertNotIn("wrong", refused["message"])

    def test_a_server_without_starttls_gets_nothing(self):
        host = self.serve()
        result = self.send("email", self.options(host))
        self.assertEqual(result["outcome"], "retry", result)
        self.assertIn("STARTTLS", result["message"])
        self.assertEqual(self.mails, [])
        plain = self.send("email", self.options(host, require_tls="false"), possible_repeat=True)
        self.assertEqual(plain["outcome"], "delivered", plain)
        mail = email.message_from_bytes(self.mails[0][0].content, policy=email.policy.default)
        self.assertTrue(mail["Subject"].endswith("(possible repeat)"), mail["Subject"])
        refused = self.send("email", self.options(host, require_tls="false"),
                            policy={"allowed_networks": ["127.0.0.0/8"]})  # fmt: skip
        self.assertIn("ALERT_ALLOW_HTTP", refused["error"])

    def test_refusals_of_the_server_are_classified(self):
        host = self.serve()
        for refusal, outcome in (("451 try later", "retry"), ("554 spam", "dead")):
            self.refusal = refusal
            result = self.send("email", self.options(host, require_tls="false"))
            self.assertEqual((result["outcome"], result["status"]), (outcome, int(refusal[:3])), result)

    def test_a_dot_alone_in_a_line_does_not_end_the_mail(self):
        host = self.serve()
        options = self.options(host, require_tls="false", text="a\n.\nb\n", html="")
        self.assertEqual(self.send("email", options)["outcome"], "delivered")
        mail = email.message_from_bytes(self.mails[0][0].content, policy=email.policy.default)
        self.assertEqual(mail.get_body(("plain",)).get_content().split(), ["a", ".", "b"])


class AlertmanagerTest(ChannelCase):
    def setUp(self):
        super().setUp()
        binary = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        if not binary:
            skip_loudly("no Alertmanager is installed (Debian: prometheus-alertmanager)")
        self.hook = self.receiver()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = self.directory / "alertmanager.yml"
        config.write_text(
            "route: {receiver: hook, group_by: [site], group_wait: 0s, group_interval: 1s}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{self.hook.url}'}}]}}]\n"
        )
        self.process = subprocess.Popen(
            [binary, f"--config.file={config}", f"--storage.path={self.directory}/storage",
             f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=",
             "--web.external-url=https://tocsin.example.com"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.wait(lambda: self.get("/-/ready") is not None)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.read()
        except OSError:
            return None

    def wait(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.05)
        self.fail("the Alertmanager did not do it in time")

    def pass_on(self, alerts):
        now = int(time.time()) * 1_000_000
        result = self.send("alertmanager", {"url": f"http://127.0.0.1:{self.port}"}, alerts, decided_us=now)
        self.assertEqual(result["outcome"], "delivered", result)

    def test_alerts_arrive_fire_and_resolve(self):
        labels = {"site": "north", "line no.1": "a", "empty": ""}
        self.pass_on([record("dev_1", labels=labels), record(HOSTILE, fingerprint="ff")])
        alerts = json.loads(self.get("/api/v2/alerts"))
        found = {alert["labels"]["device_id"]: alert for alert in alerts}
        self.assertEqual(set(found), {"dev_1", HOSTILE})
        self.assertEqual(found["dev_1"]["labels"], {
            "alertname": "temperature_high", "severity": "critical", "device_id": "dev_1", "site": "north",
            "line_no_1": "a"})  # fmt: skip
        self.assertEqual(found["dev_1"]["annotations"], {"summary": "too hot"})
        self.assertTrue(found["dev_1"]["startsAt"].startswith("2023-11-14T22:13:20"))
        self.pass_on([record("dev_1", "resolved", labels=labels)])
        left = {alert["labels"]["device_id"] for alert in json.loads(self.get("/api/v2/alerts"))}
        self.assertEqual(left, {HOSTILE})

    def test_our_webhook_has_the_fields_and_types_of_alertmanagers_own(self):
        alerts = [record("dev_1"), record("dev_2", annotations={"summary": "too hot", "more": "x"})]
        self.pass_on(alerts)
        self.wait(lambda: self.hook.requests and len(self.hook.json()["alerts"]) == 2
                  and self.hook.json()["status"] == "firing")  # fmt: skip
        theirs = self.hook.json()
        mine = self.receiver()
        self.send("webhook", {"url": mine.url}, alerts)
        ours = mine.json()
        self.assertEqual(shape(ours), shape(theirs))
        for key in ("status", "version", "groupLabels", "commonLabels", "commonAnnotations", "externalURL",
                    "truncatedAlerts"):  # fmt: skip
            self.assertEqual(ours[key], theirs[key], key)
        for key in ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL"):
            self.assertEqual(sorted(json.dumps(alert[key]) for alert in ours["alerts"]),
                             sorted(json.dumps(alert[key]) for alert in theirs["alerts"]), key)  # fmt: skip


def shape(value):
    """The names and types of a JSON value; maps of labels are one type."""
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if not isinstance(value, dict):
        return type(value).__name__
    return {key: "labels" if "abels" in key or "nnotations" in key else shape(entry) for key, entry in value.items()}


if __name__ == "__main__":
    unittest.main()
