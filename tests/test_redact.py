"""Secrets in options: refused where they would be kept, shown nowhere."""

import asyncio
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from hippo import registry
from hippo.config import EncoderConfig, ExtractorConfig, LLMConfig, RecognitionConfig, load_config
from hippo.errors import ConfigError, LLMError, LLMRefusedError
from hippo.parts import make_llm
from hippo.redact import is_secret, redacted, without_secrets
from hippo.types import LLMRequest, Message

KEY = "sk-hidden-1234"


@pytest.mark.parametrize(
    "name",
    "key api_key apiKey OPENAI_API_KEY x-api-key token hf_token aws_session_token password client_secret "
    "Authorization headers default_headers credentials aws_access_key_id cookie".split(),
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    "max_tokens tokenizer keywords api_key_env token_file key_column secretary model author".split(),
)
def test_names_of_what_is_no_secret(name: str) -> None:
    assert not is_secret(name)


def test_what_is_shown() -> None:
    given = {
        "model": "m",
        "max_tokens": 5,
        "api_key": KEY,
        "token": None,
        "base_url": f"https://me:{KEY}@host/v1",
        "tools": [{"password": KEY}, ("a", 1)],
        "default_headers": {"X-Title": KEY, "more": {"a": [KEY]}},
    }
    shown = redacted(given)
    assert KEY not in repr(shown)
    assert (shown["model"], shown["max_tokens"], shown["token"]) == ("m", 5, None)
    assert shown["tools"] == [{"password": "***"}, ("a", 1)]
    assert given["api_key"] == KEY


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["api_key", "headers"]), inner),
    max_leaves=9,
)


@given(json)
def test_anything_can_be_redacted_and_twice_is_once(value: Any) -> None:
    assert redacted(redacted(value)) == redacted(value)


def test_the_longest_secret_goes_first() -> None:
    assert without_secrets("abcdef abcd a", ["abcd", "abcdef", "a"]) == "*** *** a"


class TestConfigurations:
    @pytest.mark.parametrize("kind", [EncoderConfig, ExtractorConfig, LLMConfig, RecognitionConfig])
    def test_do_not_show_secrets(self, kind: Callable[..., Any]) -> None:
        made = kind(options={"far": {"api_key": KEY, "options": {"headers": {"a": KEY}}, "model": "m"}})
        assert KEY not in f"{made} {made!r} {made.options} {made.options['far']!r}"
        assert "'model': 'm'" in repr(made)
        assert made.options["far"]["api_key"] == KEY

    def test_do_not_show_those_of_uses_and_of_their_layers(self) -> None:
        settings = {"llm": {"langchain": {"api_key": KEY}, "uses": {"reader": {"langchain": {"api_key": KEY}}}}}
        config = load_config(settings, environment={"HIPPO_LLM__LANGCHAIN__TOKEN": KEY})
        assert KEY not in f"{config!r} {config.places!r}"
        assert config.llm.of("reader").options["langchain"] == {"api_key": KEY, "token": KEY}

    @pytest.mark.parametrize(
        ("text", "line", "key"),
        [
            (f"[llm]\napi_key = '{KEY}'\n", 2, "llm.api_key"),
            (f"[llm.openai]\nmodel = 'm'\napi_key = '{KEY}'\n", 3, "llm.openai.api_key"),
            (f"[llm.langchain]\noptions = {{ api_key = '{KEY}' }}\n", 2, "llm.langchain.options.api_key"),
            (f"[llm.uses.reader.openai]\ntoken = '{KEY}'\n", 2, "llm.uses.reader.openai.token"),
            (f"[llm.langchain.options.default_headers]\nAuthorization = '{KEY}'\n", 2, "Authorization"),
            (f"[recognition.far]\nsecrets = ['{KEY}']\n", 2, "recognition.far.secrets"),
        ],
    )
    def test_in_files_are_refused_if_they_hold_secrets(self, text: str, line: int, key: str, tmp_path: Path) -> None:
        path = tmp_path / "hippo.toml"
        path.write_text(text, "utf-8")
        with pytest.raises(ConfigError, match=r"not stand in a file.* environment variable.*api_key_env") as caught:
            load_config(path, environment={})
        assert caught.value.args[0] == f"{path}, line {line}"
        assert caught.value.args[1].endswith(key)
        assert KEY not in str(caught.value)

    def test_in_files_that_are_no_toml_do_not_show_the_line(self, tmp_path: Path) -> None:
        path = tmp_path / "hippo.toml"
        path.write_text(f"[llm.openai]\napi_key '{KEY}'\n", "utf-8")
        with pytest.raises(ConfigError, match="line 2: api_key: not valid TOML") as caught:
            load_config(path, environment={})
        assert KEY not in "".join(traceback.format_exception(caught.value))

    def test_in_files_may_name_variables_and_harmless_headers(self, tmp_path: Path) -> None:
        path = tmp_path / "hippo.toml"
        path.write_text(
            "[llm.openai]\napi_key_env = 'MINE'\nmax_tokens = 5\n"
            "[llm.langchain.options.default_headers]\nX-Title = 'hippo'\n",
            "utf-8",
        )
        assert load_config(path, environment={}).llm.options["openai"]["api_key_env"] == "MINE"

    @pytest.mark.parametrize("section", ["encoder", "extractor"])
    @pytest.mark.parametrize("layer", ["source", "overrides", "environment"])
    def test_whose_options_an_index_keeps_take_no_secret_from_anywhere(self, section: str, layer: str) -> None:
        values: dict[str, Any] = {section: {"far": {"api_key": KEY}}}
        settings: dict[str, Any] = {"environment": {}, layer: values}
        if layer == "environment":
            settings[layer] = {f"HIPPO_{section.upper()}__FAR__API_KEY": KEY}
        with pytest.raises(ConfigError, match="must not stand in an index, which keeps its options") as caught:
            load_config(**settings)
        assert KEY not in str(caught.value)

    def test_do_not_show_secrets_in_mistakes(self) -> None:
        for wrong in ({"api_key": {"uses": KEY}}, {"uses": {"reader": KEY}}, {"uses": {"api_key": KEY}}):
            with pytest.raises(ConfigError) as caught:
                load_config({"llm": {**wrong, "name": 3}}, environment={})
            assert caught.value.args[1].startswith("llm.")


class Strict(BaseModel):
    """A back-end that checks its options with pydantic, whose errors repeat them."""

    model: int = Field(ge=5)
    api_key: str


class Chatty:
    """A back-end that repeats its options in its own error."""

    def __init__(self, *, api_key: str, key: int = 0) -> None:
        raise ValueError(f"{api_key} is no key")


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        (Strict, {"model": 3, "api_key": KEY}, "not taken: model: Input should be greater than or equal to 5"),
        (Strict, {"api_key": KEY}, "model: required, but not given"),
        (Chatty, {"api_key": KEY}, r"not taken: \*\*\* is no key"),
        (Chatty, {"api_key": KEY, "key": KEY}, r"key: must be a whole number, got '\*\*\*'"),
    ],
)
def test_back_ends_that_repeat_their_options(
    kind: type, options: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load", lambda *_: kind)
    with pytest.raises(ConfigError, match=said) as caught:
        registry.create("llm", "far", **options)
    assert KEY not in "".join(traceback.format_exception(caught.value))


class TestLangChain:
    @pytest.fixture(autouse=True)
    def package(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        pytest.importorskip("langchain_core", reason="langchain-core is not installed")
        from langchain_core.language_models import BaseChatModel
        from pydantic import SecretStr

        class Far(BaseChatModel):
            model_name: str
            seed: int = 0
            api_key: SecretStr

            @property
            def _llm_type(self) -> str:
                return "far"

            def _generate(self, *_: Any, **__: Any) -> Any:
                raise ValueError(f"wrong key {self.api_key.get_secret_value()}")

        def init_chat_model(name: str, **options: Any) -> BaseChatModel:
            if name == "closed":
                raise LookupError(f"nobody has the key {options['api_key']}")
            return Far(model_name=name, **options)

        package = ModuleType("langchain.chat_models")
        vars(package)["init_chat_model"] = init_chat_model
        monkeypatch.setitem(sys.modules, "langchain", ModuleType("langchain"))
        monkeypatch.setitem(sys.modules, "langchain.chat_models", package)
        return  # type: ignore[return-value]

    def make(self, model: str, **options: Any) -> Any:
        return make_llm(
            load_config({"llm": {"name": f"langchain:{model}", "langchain": options}}, environment={}), "reader"
        )

    def test_says_what_is_wrong_and_not_what_was_given(self) -> None:
        with pytest.raises(ConfigError, match="seed: Input should be a valid integer") as caught:
            self.make("far", options={"seed": KEY, "api_key": KEY})
        assert KEY not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(LLMRefusedError, match=r"nobody has the key \*\*\*") as refused:
            self.make("closed", options={"api_key": KEY})
        assert KEY not in "".join(traceback.format_exception(refused.value))

    def test_masks_the_key_where_the_provider_repeats_it(self) -> None:
        llm = self.make("far", options={"api_key": KEY})
        with pytest.raises(LLMError, match=r"wrong key \*\*\*") as caught:
            asyncio.run(llm.complete(LLMRequest((Message("user", "U"),), 5, "test/1")))
        assert KEY not in "".join(traceback.format_exception(caught.value))

    def test_reads_the_key_from_the_variable_that_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_KEY", f" {KEY}\n")
        llm = self.make("far", api_key_env="MY_KEY")
        assert llm._chat.api_key.get_secret_value() == KEY
        assert KEY not in llm.fingerprint
        monkeypatch.delenv("MY_KEY")
        with pytest.raises(LLMRefusedError, match="MY_KEY is not set"):
            self.make("far", api_key_env="MY_KEY")
