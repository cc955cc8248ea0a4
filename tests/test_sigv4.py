"""Signatures, held against botocore's own, and where credentials and regions are found."""

from __future__ import annotations

import datetime
from datetime import UTC

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from unified_llm import config, sigv4
from unified_llm.catalog import Route
from unified_llm.errors import AuthenticationError, BadRequestError
from unified_llm.sigv4 import Credentials, credentials, host_of, placed, region, service_of, sign, signer

AT = datetime.datetime(2026, 11, 21, 19, 39, 16, tzinfo=UTC)
KEY = Credentials("AKIDEXAMPLE", "secret/+key", None)
URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v2:1/invoke"
SIGNED_BY_BOTH = {"host", "x-amz-date", "content-type", "x-amz-security-token"}


def botocore_signature(url, headers, content, key, service, where):
    """The authorization that botocore gives the same request at the same moment."""
    request = AWSRequest("POST", url, headers=dict(headers), data=content)
    request.context["timestamp"] = AT.strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(BotocoreCredentials(key.access_key, key.secret_key, key.token), service, where)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return request.headers["Authorization"]


MODEL = st.text("abz019.:-_/~%", min_size=1, max_size=40)
VALUE = st.text("ab 0=;/+", max_size=12)
KEYS = st.builds(
    Credentials,
    st.text("ABC123", min_size=4, max_size=20),
    st.text("abcXYZ0189/+=", min_size=1, max_size=40),
    st.one_of(st.none(), st.text("abcXYZ/+=", min_size=1, max_size=60)),
)
HOSTS = ["https://bedrock-runtime.eu-west-1.amazonaws.com", "http://127.0.0.1:8080", "https://A.example:443"]


@given(
    st.sampled_from(HOSTS),
    MODEL,
    st.lists(st.tuples(st.text("abz-_", min_size=1, max_size=5), st.text("a%2F-_", max_size=5)), max_size=3),
    st.binary(max_size=60),
    KEYS,
    VALUE,
    st.sampled_from(["eu-west-1", "us-gov-west-1"]),
    st.sampled_from(["bedrock", "bedrock-mantle"]),
)
def test_a_signature_is_the_one_that_botocore_gives(host, model, query, content, key, kind, where, service):
    url = f"{host}/model/{model}/converse"
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query)
    headers = {"content-type": kind.strip() or "application/json"}
    got = sign(url, headers, content, key=key, service=service, region=where, at=AT)
    assert got["authorization"] == botocore_signature(url, headers, content, key, service, where)


def test_a_colon_is_signed_as_it_travels_encoded_once_more():
    plain, encoded = URL, URL.replace("v2:1", "v2%3A1")
    headers = {"content-type": "application/json"}
    signatures = {
        sign(url, headers, b"", key=KEY, service="bedrock", region="us-east-1", at=AT)["authorization"]
        for url in (plain, encoded)
    }
    assert len(signatures) == 2
    assert "/model/anthropic.claude-v2%253A1/invoke\n" in sigv4._canonical_request(encoded, {}, b"")


def test_only_headers_that_nobody_rewrites_are_signed():
    headers = {"content-type": "a", "user-agent": "u", "accept": "b", "authorization": "old"}
    got = sign(URL, headers, b"{}", key=KEY._replace(token="T"), service="bedrock", region="us-east-1", at=AT)
    names = got["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    assert set(names.split(";")) == SIGNED_BY_BOTH
    assert {name: got[name] for name in ("user-agent", "accept")} == {"user-agent": "u", "accept": "b"}
    assert headers["authorization"] == "old"
    assert "old" not in got["authorization"]


def test_a_later_moment_gives_another_signature():
    later = AT + datetime.timedelta(seconds=1)
    first, second = (
        sign(URL, {}, b"{}", key=KEY, service="bedrock", region="us-east-1", at=at)["authorization"]
        for at in (AT, later)
    )
    assert first != second


def test_a_key_does_not_show_its_secrets():
    assert repr(Credentials("AKID", "SECRET", "TOKEN")) == "Credentials(access_key='AKID')"


HOST_NAMES = {
    "https://A.Example/x": "a.example",
    "https://a.example:443/x": "a.example",
    "http://a.example:443/x": "a.example:443",
    "http://user:pw@127.0.0.1:80/x": "127.0.0.1",
    "http://[::1]:8080/x": "[::1]:8080",
}


@pytest.mark.parametrize(("url", "host"), HOST_NAMES.items(), ids=HOST_NAMES)
def test_the_host_is_as_clients_send_it(url, host):
    assert host_of(url) == host


# --- credentials and regions ----------------------------------------------------------------------------------------

VARIABLES = (
    "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE AWS_REGION "
    "AWS_DEFAULT_REGION AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE"
).split()
SHARED = """
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = default+secret

[work]
aws_access_key_id=AKIDWORK
aws_secret_access_key=work%secret
aws_session_token = TOKEN
region = eu-central-1
"""
CONFIG = """
[default]
region = us-west-2
[profile work]
region = eu-west-1
output = json
[profile halves]
aws_access_key_id = AKIDHALF
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with no credentials, and no variable that has any."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    config._dotenv.cache_clear()
    yield tmp_path
    config._dotenv.cache_clear()


@pytest.fixture
def files(home):
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(SHARED)
    (home / ".aws" / "config").write_text(CONFIG)
    return home


@pytest.mark.usefixtures("home")
def test_without_any_there_are_no_credentials_and_no_region():
    assert credentials() is None
    assert region() is None


@pytest.mark.usefixtures("files")
def test_the_environment_comes_before_the_profile(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env")
    assert credentials() == Credentials("AKIDENV", "env", None)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "T")
    assert credentials() == Credentials("AKIDENV", "env", "T")


def test_a_dotenv_file_comes_before_the_profile(files):
    (files / ".env").write_text("AWS_ACCESS_KEY_ID=AKIDDOT\nAWS_SECRET_ACCESS_KEY=dot\nAWS_SESSION_TOKEN=D\n")
    assert credentials() == Credentials("AKIDDOT", "dot", "D")


def test_a_key_of_the_environment_takes_no_token_from_a_dotenv_file(files, monkeypatch):
    (files / ".env").write_text("AWS_SESSION_TOKEN=stale\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env")
    assert credentials() == Credentials("AKIDENV", "env", None)


@pytest.mark.usefixtures("files")
def test_the_default_profile_is_read_where_none_is_named():
    assert credentials() == Credentials("AKIDDEFAULT", "default+secret", None)
    assert region() == "us-west-2"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_named_profile_is_read_from_both_files_and_the_credentials_file_has_the_last_word(name, monkeypatch):
    monkeypatch.setenv(name, "work")
    assert credentials() == Credentials("AKIDWORK", "work%secret", "TOKEN")
    assert region() == "eu-central-1"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("profile", ["halves", "missing"])
def test_a_profile_without_both_keys_has_no_credentials(profile, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", profile)
    assert credentials() is None


def test_the_files_may_be_elsewhere(files, monkeypatch):
    (files / "mine").write_text("[default]\naws_access_key_id=A\naws_secret_access_key=B\nregion=ap-south-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "~/mine")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(files / "nothing"))
    assert credentials() == Credentials("A", "B", None)
    assert region() == "ap-south-1"


def test_a_file_that_is_no_profile_file_is_as_if_it_were_not_there(files):
    (files / ".aws" / "credentials").write_bytes(b"\xff\xfe not = an\n ini file")
    (files / ".aws" / "config").write_text("no section\n")
    assert credentials() is None


# --- for a call -----------------------------------------------------------------------------------------------------

TEMPLATE = "https://bedrock-runtime.{region}.amazonaws.com"
ROUTE = Route("acme", "m", "bedrock_converse", TEMPLATE, auth="sigv4:bedrock", key_env=("ACME_TOKEN",))


def test_the_auth_of_a_row_names_the_service():
    assert [service_of(auth) for auth in ("sigv4:bedrock", "bearer", "x-api-key")] == ["bedrock", None, None]


@pytest.mark.usefixtures("files")
def test_a_template_gets_its_region_and_any_other_address_stays():
    assert placed(ROUTE, TEMPLATE) == "https://bedrock-runtime.us-west-2.amazonaws.com"
    assert placed(ROUTE, "http://127.0.0.1:1") == "http://127.0.0.1:1"


@pytest.mark.usefixtures("files")
def test_a_signer_signs_for_the_region_of_the_address_at_this_moment():
    url = "https://bedrock-runtime.eu-west-3.amazonaws.com"
    got = signer(ROUTE, url)(f"{url}/model/m/converse", {"content-type": "application/json"}, b"{}")
    day = datetime.datetime.now(UTC).strftime("%Y%m%d")
    assert f"Credential=AKIDDEFAULT/{day}/eu-west-3/bedrock/aws4_request" in got["authorization"]
    moment = datetime.datetime.strptime(got["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs(datetime.datetime.now(UTC) - moment) < datetime.timedelta(minutes=1)


@pytest.mark.usefixtures("files")
def test_a_signer_tells_the_token_that_must_not_be_shown(monkeypatch):
    assert signer(ROUTE, TEMPLATE).secret is None
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert signer(ROUTE, TEMPLATE).secret == "TOKEN"
    assert "TOKEN" not in repr(signer(ROUTE, TEMPLATE))


@pytest.mark.usefixtures("home")
def test_without_credentials_a_signer_is_refused_naming_every_way_to_give_them(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(AuthenticationError, match=r"ACME_TOKEN .*AWS_ACCESS_KEY_ID .*AWS_PROFILE"):
        signer(ROUTE, "https://a.example")


@pytest.mark.usefixtures("home")
def test_without_a_region_nothing_is_placed_or_signed():
    for ask in (placed, signer):
        with pytest.raises(BadRequestError, match="AWS_REGION"):
            ask(ROUTE, TEMPLATE)


REGIONS = {
    "https://bedrock-runtime.eu-west-3.amazonaws.com": "eu-west-3",
    "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com": "us-gov-west-1",
    "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model": "cn-north-1",
    "https://vpce-1.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com": "ap-southeast-2",
    "https://bedrock-runtime.{region}.amazonaws.com": "sa-east-1",
    "http://127.0.0.1:8080": "sa-east-1",
    "": "sa-east-1",
}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("url", "expected"), REGIONS.items(), ids=REGIONS)
def test_an_address_names_its_region_and_else_the_environment_does(url, expected, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    assert region(url) == expected


@pytest.mark.usefixtures("files")
def test_the_region_has_two_variables_of_which_the_shorter_wins(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert region() == "eu-north-1"
