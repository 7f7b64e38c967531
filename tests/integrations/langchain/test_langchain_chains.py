"""A chain and an agent that ask a memory, and LangChain's models in hippo's service."""

from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import create_retriever_tool

from hippo import Hippo
from hippo.integrations.langchain import HippoRetriever

QUESTION = "Where was the founder of Steelworks Smith born?"


class Scripted(GenericFakeChatModel):
    """Says what it was told to say, and keeps what it was asked."""

    asked: list[list[BaseMessage]]

    def _generate(self, messages: Any, *args: Any, **options: Any) -> Any:
        self.asked.append(messages)
        return super()._generate(messages, *args, **options)

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


def as_text(documents: list[Document]) -> str:
    return "\n".join(f"{one.metadata['title']}: {one.page_content}" for one in documents)


def chain(memory: Hippo, model: Scripted) -> Any:
    prompt = ChatPromptTemplate.from_template("Passages:\n{passages}\n\nQuestion: {question}")
    retriever = HippoRetriever(index=memory, k=2)
    gathered: Any = {"passages": retriever | as_text, "question": RunnablePassthrough()}
    return gathered | prompt | model | StrOutputParser()


def test_a_chain_reads_the_passages(memory: Hippo) -> None:
    model = Scripted(messages=iter([AIMessage("In Riga.")]), asked=[])
    assert chain(memory, model).invoke(QUESTION) == "In Riga."
    [[message]] = model.asked
    assert "Steelworks Smith: Steelworks Smith was founded by Ada Smith in 1850." in message.text


async def test_a_chain_runs_asynchronously_and_in_batches(memory: Hippo) -> None:
    model = Scripted(messages=iter([AIMessage(str(n)) for n in range(9)]), asked=[])
    made = chain(memory, model)
    assert await made.ainvoke(QUESTION) == "0"
    assert sorted(await made.abatch([QUESTION, "Who?"])) == ["1", "2"]
    assert sorted(made.batch([QUESTION, "Who?"])) == ["3", "4"]


def test_an_agent_looks_things_up(memory: Hippo) -> None:
    tool = create_retriever_tool(
        HippoRetriever(index=memory, k=1), "search_memory", "Finds passages.", response_format="content_and_artifact"
    )
    call = ToolCall(name="search_memory", args={"query": "Who founded Steelworks Smith?"}, id="1", type="tool_call")
    model = Scripted(messages=iter([AIMessage("", tool_calls=[call]), AIMessage("Ada Smith did.")]), asked=[])
    messages = create_agent(model, [tool]).invoke({"messages": [HumanMessage(QUESTION)]})["messages"]
    [found] = [one for one in messages if isinstance(one, ToolMessage)]
    assert "founded by Ada Smith" in found.text
    assert found.artifact[0].metadata["document_id"] == "works"
    assert messages[-1].text == "Ada Smith did."
    assert found in model.asked[1]


def test_models_of_langchain_index_and_answer(tmp_path: Path) -> None:
    chat = GenericFakeChatModel(messages=iter([AIMessage("In Riga [1].")]))
    embeddings = DeterministicFakeEmbedding(size=32)
    with Hippo.open(tmp_path / "index", encoder=embeddings, llm=chat) as memory:
        memory.add(["Ada Smith was born in Riga.", "Bob lives in Hull."])
        answer = memory.ask("Where was Ada Smith born?")
    assert answer.text == "In Riga [1]."
    assert "Riga" in answer.retrieval.hits[0].text
    with Hippo.open(tmp_path / "index", encoder=DeterministicFakeEmbedding(size=32)) as memory:
        assert str(memory.status().encoder).startswith("langchain:langchain_core.embeddings.fake.")
