"""Text completions of a real llama.cpp server (see support_processes.py), whose model needs no template to go on."""

import pytest
from support_processes import need
from support_ways import every_way, streamed, whole

from unified_llm import ContextWindowExceededError

need("llama")

NAMES = {
    "any server": ("tiny", {"adapter": "openai_completions"}),
    "its own row": ("llamacpp/tiny", {"adapter": "openai_completions"}),
    "LiteLLM's name": ("text-completion-openai/tiny", {"api_key": "any"}),
}


@pytest.fixture(params=NAMES)
def options(request, llama):
    model, more = NAMES[request.param]
    return {"model": model, "base_url": f"{llama}/v1", "temperature": 0, "max_tokens": 6, **more}


@every_way
def test_it_writes_on(options, ask):
    response = ask(messages="Hello", **options)
    assert response.text
    assert response["choices"][0]["finish_reason"] in ("stop", "length")
    assert response["usage"]["prompt_tokens"] == 1  # the word alone: no template is around it


def test_an_answer_that_was_cut_off_goes_on_when_it_is_sent_back(options):
    first = whole(messages="Hello", **{**options, "max_tokens": 2})
    assert first["choices"][0]["finish_reason"] == "length"
    second = whole(messages=[("user", "Hello"), first.message], **{**options, "max_tokens": 4})
    assert first.text + second.text == whole(messages="Hello", **options).text


def test_the_surest_words_are_the_same_whole_and_streamed(options):
    first, second = (ask(messages=[("system", "Be terse."), ("user", "Hello")], **options) for ask in (whole, streamed))
    assert first.text == second.text
    assert first["usage"]["total_tokens"] == second["usage"]["total_tokens"]


@every_way
def test_it_says_how_probable_its_words_were(options, ask):
    response = ask(messages="Hello", logprobs=True, top_logprobs=2, **options)
    told = response["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in told) == response.text
    assert all(token["logprob"] <= 0 and len(token["top_logprobs"]) == 2 for token in told)


@every_way
def test_it_gives_several_answers(options, ask):
    response = ask(messages="Hello", n=2, **options)
    assert [choice["index"] for choice in response["choices"]] == [0, 1]
    assert all(choice["message"]["content"] for choice in response["choices"])


@every_way
def test_it_stops_where_it_is_told_to(options, ask):
    response = ask(messages="Hello", stop=["e"], **{**options, "max_tokens": 200})
    assert "e" not in response.text
    assert response["choices"][0]["finish_reason"] == "stop"


@every_way
def test_too_long_a_prompt_is_a_context_window_error(options, ask):
    with pytest.raises(ContextWindowExceededError) as caught:
        ask(messages="x " * 9000, **options)
    assert caught.value.status_code == 400
