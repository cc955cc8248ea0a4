"""The library against an emulator of Bedrock that verifies signatures and permissions (see support_processes.py).

Its models repeat what the provider behind it says, which by default repeats the user.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from support_processes import need
from support_ways import every_way, streamed, whole

from unified_llm import BadRequestError, NotFoundError, PermissionDeniedError, config, sigv4
from unified_llm.testing import Answer

need("ministack")

CLAUDE = "bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0"
HERE, ELSEWHERE = "us-east-1", "eu-west-1"
PROFILE = "bedrock/arn:aws:bedrock:{}:000000000000:inference-profile/us.anthropic.claude-3-5-sonnet-20241022-v2:0"
MODELS = {
    "Claude": CLAUDE,
    "an inference profile": CLAUDE.replace("/", "/us."),
    "the address of a profile": PROFILE.format(HERE),
    "the address of a model": CLAUDE.replace("/", f"/arn:aws:bedrock:{HERE}::foundation-model/"),
    "Nova": "bedrock/amazon.nova-lite-v1:0",
    "Titan": "bedrock/amazon.titan-text-express-v1",
    "Llama": "bedrock/meta.llama3-1-70b-instruct-v1:0",
    "Mistral": "bedrock/mistral.mistral-large-2407-v1:0",
    "Claude in its own format": CLAUDE,
    "an old Claude": "bedrock/anthropic.claude-v2:1",
}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ROOT = {"aws_access_key_id": "AKIAROOTROOTROOTROOT", "aws_secret_access_key": "rootsecret"}
VARIABLES = (
    "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION AWS_PROFILE "
    "AWS_DEFAULT_PROFILE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_BEARER_TOKEN_BEDROCK"
).split()


def client(ministack, service, **key):
    """Amazon's own client of a service of the emulator."""
    session = pytest.importorskip("botocore.session").Session()
    return session.create_client(service, region_name=HERE, endpoint_url=ministack.url, **(key or ROOT))


def new_user(ministack, *allowed):
    """The key of a new user who may do this."""
    iam, name = client(ministack, "iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    if allowed:
        policy = {"Statement": [{"Effect": "Allow", "Action": list(allowed), "Resource": "*"}], "Version": "2012-10-17"}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    return iam.create_access_key(UserName=name)["AccessKey"]


@pytest.fixture(scope="module")
def user(ministack):
    return new_user(ministack, "bedrock:*", "sts:*")


@pytest.fixture
def home(ministack, tmp_path, monkeypatch):
    """A home without credentials, where Bedrock is the emulator."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", ministack.url)
    config._dotenv.cache_clear()
    yield tmp_path
    config._dotenv.cache_clear()


@pytest.fixture
def signed(home, user, monkeypatch):
    """An environment with the key of a user."""
    become(monkeypatch, user)
    monkeypatch.setenv("AWS_REGION", HERE)
    return monkeypatch


def become(monkeypatch, key):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    if token := key.get("SessionToken"):
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@every_way
@pytest.mark.usefixtures("signed")
def test_models_of_every_vendor_answer(name, ask):
    adapter = {"adapter": "bedrock_invoke"} if "format" in name else {}
    response = ask(MODELS[name], "Grüße, 你好 👋", **adapter)
    assert "Hello! You said: " in response.text
    assert "Grüße, 你好 👋" in response.text
    assert response["choices"][0]["finish_reason"] == "stop"
    assert response["usage"]["completion_tokens"] > 0
    assert response["usage"]["total_tokens"] == sum(
        response["usage"][kind] for kind in ("prompt_tokens", "completion_tokens")
    )


@every_way
@pytest.mark.usefixtures("signed")
def test_a_tool_is_called_and_its_result_goes_back(ask, ministack):
    ministack.upstream.answers(Answer(tool_calls=[("get_weather", {"city": "東京"})]), "It is 21 degrees.")
    messages = [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Weather?"}]
    response = ask(CLAUDE, messages, tools=[TOOL], max_tokens=50, temperature=0.5)
    [call] = response.tool_calls
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("get_weather", {"city": "東京"})
    assert response["choices"][0]["finish_reason"] == "tool_calls"

    result = {"role": "tool", "tool_call_id": call["id"], "content": "21C"}
    last = ask(CLAUDE, [*messages, response.message, result], tools=[TOOL], max_tokens=50, temperature=0.5)
    assert last.text == "It is 21 degrees."
    sent = ministack.upstream.requests[-1].json
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool"]
    assert sent["messages"][-1] == {"role": "tool", "tool_call_id": call["id"], "content": "21C"}
    assert sent["tools"] == [TOOL]
    assert (sent["max_tokens"], sent["temperature"]) == (50, 0.5)


@every_way
@pytest.mark.usefixtures("signed")
def test_a_guardrail_that_intervenes_filters_the_content(ask, ministack, user):
    key = {"aws_access_key_id": user["AccessKeyId"], "aws_secret_access_key": user["SecretAccessKey"]}
    rail = client(ministack, "bedrock", **key).create_guardrail(
        name=f"rail-{uuid.uuid4().hex[:8]}",
        blockedInputMessaging="Not that.",
        blockedOutputsMessaging="Not this.",
        wordPolicyConfig={"wordsConfig": [{"text": "swordfish"}]},
    )
    config = {"guardrailIdentifier": rail["guardrailId"], "guardrailVersion": "DRAFT", "trace": "enabled"}
    response = ask(CLAUDE, "The word is swordfish", extra_body={"guardrailConfig": config})
    assert (response.text, response["choices"][0]["finish_reason"]) == ("Not that.", "content_filter")


# --- who asks ------------------------------------------------------------------------------------------------------


@every_way
def test_a_wrong_secret_is_denied_in_the_providers_words(ask, signed, ministack):
    signed.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-this-user")
    before = len(ministack.upstream.requests)
    with pytest.raises(PermissionDeniedError, match="does not match the signature you provided") as caught:
        ask(CLAUDE, "Hi")
    assert caught.value.status_code == 403
    assert caught.value.code == "InvalidSignatureException"
    assert "Check your AWS Secret Access Key" in caught.value.body["message"]
    assert len(ministack.upstream.requests) == before


@every_way
def test_a_key_that_nobody_has_is_denied(ask, signed):
    signed.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODY0000")
    with pytest.raises(PermissionDeniedError) as caught:
        ask(CLAUDE, "Hi")
    assert caught.value.code == "UnrecognizedClientException"


@every_way
def test_a_user_without_permission_is_denied_by_name_of_the_action(ask, signed, ministack):
    become(signed, new_user(ministack))
    with pytest.raises(PermissionDeniedError, match="not authorized to perform: bedrock:Converse") as caught:
        ask(CLAUDE, "Hi")
    assert caught.value.code == "AccessDeniedException"


@every_way
def test_temporary_credentials_need_their_token(ask, signed, ministack, user):
    key = {"aws_access_key_id": user["AccessKeyId"], "aws_secret_access_key": user["SecretAccessKey"]}
    become(signed, client(ministack, "sts", **key).get_session_token()["Credentials"])
    assert "Hi" in ask(CLAUDE, "Hi").text
    signed.setenv("AWS_SESSION_TOKEN", "FwoGanother")
    with pytest.raises(PermissionDeniedError, match="token"):
        ask(CLAUDE, "Hi")
    signed.delenv("AWS_SESSION_TOKEN")
    with pytest.raises(PermissionDeniedError, match="token"):
        ask(CLAUDE, "Hi")


@pytest.mark.parametrize("ask", [whole, streamed])
def test_the_callers_own_client_signs(ask, ministack, user):
    anthropic, model = pytest.importorskip("anthropic"), CLAUDE.replace("bedrock/", "anthropic/")
    keys = {"aws_access_key": user["AccessKeyId"], "aws_region": HERE, "base_url": ministack.url}
    with anthropic.AnthropicBedrock(aws_secret_key=user["SecretAccessKey"], **keys) as client:
        assert "Hi" in ask(model, "Hi", client=client).text
    denied = pytest.raises(PermissionDeniedError, match="403: The request signature")
    with anthropic.AnthropicBedrock(aws_secret_key="not-the-secret", **keys) as client, denied as caught:
        ask(model, "Hi", client=client)
    assert caught.value.code == "InvalidSignatureException"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_clock_that_is_off_is_told(minutes, signed):
    class Off(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(minutes=minutes)

    signed.setattr(sigv4, "datetime", Off)
    with pytest.raises(PermissionDeniedError, match=r"Signature (expired|not yet current)"):
        whole(CLAUDE, "Hi")


# --- where, and from where -----------------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_of_the_environment_is_signed(ask, variable, signed):
    signed.delenv("AWS_REGION")
    signed.setenv(variable, ELSEWHERE)
    assert "Hi" in ask(PROFILE.format(ELSEWHERE), "Hi").text
    with pytest.raises(BadRequestError, match="Invalid modelId ARN") as caught:
        ask(PROFILE.format(HERE), "Hi")
    assert caught.value.code == "ValidationException"


@every_way
@pytest.mark.parametrize("named", [False, True], ids=["default", "named"])
def test_key_and_region_of_a_profile_are_used(ask, named, home, user, monkeypatch):
    (home / ".aws").mkdir()
    section, place = ("work", "profile work") if named else ("default", "default")
    key = f"aws_access_key_id = {user['AccessKeyId']}\naws_secret_access_key={user['SecretAccessKey']}"
    (home / ".aws" / "credentials").write_text(f"[{section}]\n{key}\n")
    (home / ".aws" / "config").write_text(f"[{place}]\nregion = {ELSEWHERE}\n")
    if named:
        monkeypatch.setenv("AWS_PROFILE", "work")
    assert "Hi" in ask(PROFILE.format(ELSEWHERE), "Hi").text


@pytest.mark.usefixtures("home")
def test_key_and_region_of_a_dotenv_file_are_used(home, user):
    (home / ".env").write_text(
        f"AWS_ACCESS_KEY_ID={user['AccessKeyId']}\nAWS_SECRET_ACCESS_KEY={user['SecretAccessKey']}\n"
        f"AWS_REGION={ELSEWHERE}\n"
    )
    assert "Hi" in whole(PROFILE.format(ELSEWHERE), "Hi").text


@every_way
@pytest.mark.usefixtures("signed")
def test_what_does_not_exist_is_not_found_in_the_providers_words(ask):
    config = {"guardrailIdentifier": "nosuchrail", "guardrailVersion": "1"}
    with pytest.raises(NotFoundError, match="nosuchrail") as caught:
        ask(CLAUDE, "Hi", extra_body={"guardrailConfig": config})
    assert caught.value.code == "ResourceNotFoundException"


def test_a_model_of_another_account_is_a_bad_request(signed):
    with pytest.raises(BadRequestError, match="Invalid modelId ARN"):
        whole(PROFILE.format(HERE).replace("000000000000", "111111111111"), "Hi")
