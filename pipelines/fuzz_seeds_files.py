"""Well-formed examples for the targets of `pipelines.fuzz_files`, and words of their languages."""

import json

__all__ = [
    "BACKUP",
    "CHUNKS",
    "CONVERSATIONS",
    "CURRENT",
    "GRAPHML",
    "GRAPHML_WORDS",
    "IDENTITY",
    "KEYS",
    "MANIFEST",
    "QRELS",
    "REPLIES",
    "RESULTS",
    "RUN",
    "SAID",
    "TABLES",
    "TOKENS",
    "TOKEN_WORDS",
    "WEIGHTS",
    "WORDINGS",
]

_SHA = "ab" * 32

GRAPHML = [
    """<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
    <key id="d0" for="node" attr.name="source_id" attr.type="string"/>
    <key id="d1" for="edge" attr.name="description" attr.type="string"/><graph edgedefault="undirected">
    <node id="Ada"><data key="d0">c1&lt;SEP&gt;c2</data></node><node id="Bob"/>
    <edge source="Ada" target="Bob"><data key="d1">Ada met Bob</data></edge></graph></graphml>""",
    """<graphml><key id="w" for="edge" attr.name="keywords" attr.type="double"><default>1.5</default></key>
    <graph edgedefault="directed"><edge source="a" target="a" id="e"><data key="w">2</data></edge></graph></graphml>""",
]
GRAPHML_WORDS = [
    *("<node ", "<edge ", "<graph ", "<hyperedge>", "<port/>", "</graph>", "attr.type=", '"boolean"', '"long"'),
    *("<!DOCTYPE g [<!ENTITY e 'e'>]>", "&e;", "<data key=", 'id="d0"', "<y:GenericNode/>", "<![CDATA[", "xmlns:x="),
]
CHUNKS = [
    """{"c1": {"content": "Ada met Bob.", "full_doc_id": "d", "chunk_order_index": 0, "file_path": "a.txt"},
    "c2": {"content": "\\ud83d", "file_path": "unknown_source"}}"""
]
TABLES = ("text_units", "entities", "relationships", "documents")
"""Tables of GraphRAG."""
SAID = [
    """{"number": 0, "size": 1, "at": "2024-05-08T10:00:00+00:00", "documents": [{"id": "a", "title": null,
    "text": "Ada met Bob.", "metadata": {"n": 1}, "timestamp": "2024-05-08T10:00:00+00:00"}],
    "vectors": {"h": "AACAPw=="}}""",
    '{"number": 1, "size": 2, "forget": ["a", "b"]}',
    '{"number": 3, "size": 1, "links": [["a", "b", "cites", 1.0], ["a", "c", "cites", null]]}',
    '{"number": 4, "size": 1, "lost": true}',
]
MANIFEST = json.dumps(
    {
        "format": 1,
        "name": "000001",
        "created": "2024-05-08T10:00:00+00:00",
        "files": {"graph.indices.npy": {"bytes": 128, "sha256": _SHA}, "vectors/data": {"bytes": 0, "sha256": _SHA}},
        "info": {"chunks": 1, "fresh": 3},
    }
)
IDENTITY = json.dumps(
    {"encoder": "hashing/1", "key_normaliser": "keys/1", "settings": {"chunking": {"max_tokens": 128}}}
)
BACKUP = json.dumps(
    {"format": 1, "created": "2024-05-08", "snapshot": "000001", "files": {"a": {"bytes": 1, "sha256": _SHA}}}
)
RUN = json.dumps(
    {
        "id": "20240508T100000.000000Z",
        "command": "add",
        "outcome": "done",
        "problem": None,
        "seconds": 1.5,
        "report": {"added": 1},
        "versions": {"python": "3.11"},
        "encoder": "hashing/1",
        "extractor": None,
        "fingerprint": "ab",
        "configuration": {"encoder": {"name": "hashing"}},
    }
)
CURRENT = ["000001\n", "none\n", "000002", "../000001"]
TOKENS = [f"# who may ask\nread sha256:{_SHA}\n\nwrite {'t' * 40} # of Ada\n", f"write {'é' * 40}"]
TOKEN_WORDS = ["read ", "write ", "sha256:", _SHA, "#", " #", "\n", "t" * 40]
QRELS = ["query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq2\td1\t2.5\n"]
CONVERSATIONS = {
    "locomo": """[{"sample_id": "s", "conversation": {"session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": [
        {"dia_id": "D1:1", "speaker": "Ann", "text": "Hi.", "img_url": ["u"], "blip_caption": "a cat"}]},
        "qa": [{"question": "Who?", "category": 1, "evidence": ["D1:1"], "answer": "Ann"}]}]""",
    "longmemeval": """[{"question_id": "q", "haystack_dates": ["2023/05/30 (Tue) 23:40"],
        "haystack_session_ids": ["s"], "haystack_sessions": [[{"role": "user", "content": "Hi.", "has_answer": true}]],
        "question": "Who?", "question_type": "x", "answer": 1, "answer_session_ids": ["s"],
        "question_date": "2023/05/30 (Tue) 23:40"}]""",
    "memoryagentbench": """[{"context": "Ada met Bob.\\n\\nBob met Cy.", "questions": ["Who?"], "answers": [["Bob"]],
        "metadata": {"source": "s", "question_types": ["x"], "qa_pair_ids": ["p"]}}]""",
}
RESULTS = [
    """{"questions": 9, "passages": 9, "profiles": {"hippo": {"recall@5": {"mean": 0.5, "low": 0.4, "high": 0.6}}},
    "outcomes": {"hippo": {"latency": {"median_ms": 2.5}, "usage": {"reader": {"cost": 1, "input_tokens": 2,
    "output_tokens": 3}}}}, "cost": {"query": {"retrieval": {"hippo": {"median_ms": 1}}}}}""",
    '{"recall": {"questions": "9", "profiles": {}}, "index": {"chunks": 3}}',
]
WORDINGS = [
    '{"question": "Where was the founder born?"}',
    'So: {"question": "Who is Bob?", "x": [1]} .',
    '{"question": 1}',
]
_BODY = '{"choices": [{"message": {"content": "Ulm.", "refusal": null}, "finish_reason": "stop"}], "usage": %s}'
REPLIES = [
    _BODY % '{"prompt_tokens": 3, "completion_tokens": 1}',
    '{"custom_id": "k", "response": {"status_code": 200, "body": %s}}' % (_BODY % "null"),
    '{"choices": [{"delta": {"content": [{"text": "a"}, "b"]}, "finish_reason": null}]}',
    '{"custom_id": "k", "response": null, "error": {"code": "429", "message": "slow", "type": "x", "param": "y"}}',
]
WEIGHTS = [
    b'\x48\0\0\0\0\0\0\0{"a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}        ' + bytes(8),
    b"\2\0\0\0\0\0\0\0{}",
]
KEYS = """
    number size at documents vectors forget links lost id title text metadata timestamp format name created files bytes
    sha256 info encoder key_normaliser settings snapshot command outcome report versions content full_doc_id
    chunk_order_index file_path conversation qa evidence session_1 dia_id speaker haystack_sessions haystack_dates role
    has_answer context questions answers profiles recall cost usage choices message delta finish_reason error code
    custom_id response body status_code prompt_tokens
""".split()
"""Names that readers of these look for."""
