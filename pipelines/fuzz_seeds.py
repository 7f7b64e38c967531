"""What the inputs of `pipelines.fuzz` are made of: for each target well-formed examples, and words of its language."""

__all__ = [
    "ANSWERS",
    "ANSWER_WORDS",
    "CELLS",
    "CORPORA",
    "DECIDED",
    "DECISIONS",
    "EACH_PASSAGE",
    "EACH_QUESTION",
    "FRONT_MATTER",
    "FRONT_WORDS",
    "HTML",
    "HTML_WORDS",
    "KEEP",
    "KEEP_WORDS",
    "LISTS",
    "LIST_OF_QUESTIONS",
    "LIST_WORDS",
    "MAPPINGS",
    "MARKDOWN",
    "MARKDOWN_WORDS",
    "OPENIE",
    "OPERATORS",
    "PASSAGES",
    "PDF",
    "PDF_WORDS",
    "PIECES",
    "PROSE",
    "QUESTIONS",
    "RECORDS",
    "SETTINGS",
    "TOML",
    "TOML_WORDS",
    "WHERE",
    "WHERE_WORDS",
    "WORD_WORDS",
]


def _words(text: str) -> list[str]:
    """Words between white space; "·" is a space and "¶" a line break within one."""
    return [word.replace("·", " ").replace("¶", "\n") for word in text.split()]


PIECES = [
    *"\0\t\n\r\x1c\x85 \"'`.,;:!?()[]{}<>|*_#$%&@\\/+-=~^",
    # Code points that are rarely thought of: line separators, marks, joiners, surrogates, the last one.
    *"\u2028\u3000\u0301\u0323\u0345\u3099\u200d\u200b\ufeff\u202e\ufffd\ufffe\ud800\udfff\ue000\U0010ffff",
    *"–“”«»（）。！éßİǅ\ufb01\ufdfa\u1e9eאاกำ한ᄀか٣½Ⅷ",
    *("\r\n", "\n\n", " \n", "漢字", "👨\u200d👩", "🇦🇧", "🇦"),
    *_words(
        "... '' `` a I Z 0 9 1,2.3 12·May·1900 1843 -0 1e999 NaN the· of·the· Ada·Lovelace U.S. e.g.· Dr.· Nation's"
    ),
    *_words(
        's\' C++ in·Paris·and·Rome J.·R.·R.· null true {" ": "} [] {} <b> </p> <!-- ]]> &amp; &#0; ](x) ``` ---¶ ¶-·'
    ),
]
"""Signs, words and code points of every kind."""
PROSE = [
    "Ada Lovelace was born in London on 10 December 1815. She worked with Charles Babbage, e.g. on the “Engine”.",
    "The University of St Andrews and the Bank of England (est. 1694) met Dr. J. R. R. Tolkien's heirs at 5 p.m.",
    "Zoë besuchte am 3. Oktober das Café in Köln. Где живёт кит? 東京都の人。東京都の夜。 هذا نص قصير. ภาษาไทย",
    "- one\n- two\n\n1. three\n\n\tfour  five…  six!? “Seven.” [8] 9.5 %",
]

HTML = [
    "<html><head><title>A</title></head><body><p>One<br>two</p><ul><li>x<li><p>y</ul><pre> z\n</pre></body>",
    "<meta charset=utf-16><table><tr><th>a<td>b</table><!-- c --><script>d</script><svg><title>e</title></svg>&#0;",
]
HTML_WORDS = _words("<div> <td> <li> <pre> </pre> <br> <title> <template> <![CDATA[ <?xml· &#x110000; </table> <a·b='")
CELLS = ["1", "-7", "0.5", "1e-05", "007", "true", "2024-05-01", "2024-05-01 10:00", "", " "]
FRONT_MATTER = [
    "title: Notes\nyear: 2021\ntags: [a, 'b']\ntimestamp: 2024-05-01T10:00:00Z\n",
    'a: {b: [1.5, true, ~], "c": "\\u00e9"}\nd: >-\n  folded\n  text\ne: &x !t\n- f: *x\n? g\n: h # i\n',
]
FRONT_WORDS = _words(": ,· [ ] { } - - · ? ·&a ·*a ! !!int | > ' \" # --- ... << % @ ¶ ¶·· ~ null true 1e9 \\U0011ffff")
MARKDOWN = [
    "---\ntitle: 'A'\n---\n# B\n\nSome *a* **b** `c` [d](e) ![f](g)\n\n- h\n  1. i\n\n> j\n\n| k |\n|---|\n| m |\n",
    "A\n===\n\n```x\ny\n```\n\n<div>z</div>\n\n[r]: /u 'v'\n[r]\\\n&copy; <b>w</b>\n    code\n***\n",
]
MARKDOWN_WORDS = _words(">· -· 1.· ···· ``` ~~~ [a]:·b¶ ]( ![ ** __ |-| ---¶ <div> title:")
WORD_WORDS = [
    word.encode()
    for word in _words(
        """<w:p> </w:p> <w:tbl> <w:tr> <w:tc> w:val="2000000" <w:gridSpan· <w:vMerge/> <!DOCTYPE·a·[<!ENTITY·e·'e'>]>
        &e; rId1 ../../ file:///etc/passwd TargetMode="External" """
    )
]
_CONTENT = b"BT /F1 12 Tf 72 720 Td (Ada Lovelace) Tj T* [(was) -250 (born)] TJ ET /X Do"
_RESOURCES = b"<< /Font << /F1 4 0 R >> /XObject << /X 6 0 R >> >>"
_MAPPING = b"1 beginbfrange <00> <ff> <0000> endbfrange 1 beginbfchar <41> <0041> endbfchar"
PDF = [
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources %s >>" % _RESOURCES,
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 7 0 R >>",
    b"<< /Length %d >>\nstream\n%s\nendstream" % (len(_CONTENT), _CONTENT),
    b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 2 >>\nstream\nET\nendstream",
    b"<< /Length %d >>\nstream\n%s\nendstream" % (len(_MAPPING), _MAPPING),
]
"""Objects, numbered from 1."""
PDF_WORDS = [
    word.encode()
    for word in _words(
        """/Kids /Parent /Contents /Resources /XObject /Font /Filter /FlateDecode /Prev /Encrypt /ObjStm 1·0·R
        2·0·R 3·0·R
        5·0·R << >> [ ] ( ) Do -1 2147483648 stream¶ ¶endstream"""
    )
]
EACH_PASSAGE = [
    '{"text": "One.", "id": 1, "title": "A", "timestamp": "2024-05-01", "metadata": {"a": [1, null]}, "n": 0.5}',
    '{"text": "Two. \\u00e9\\ud83d", "title": null}',
]
CORPORA = ["[" + ", ".join(EACH_PASSAGE) + "]", '{"A": ["One.", " Two."], "B": []}']
PASSAGES = _words("title text id metadata timestamp paragraphs")
_RECORD = '{"passage": "A\\nOne.", "text": "One.", "extracted_entities": ["One", 1, null], "extracted_triples": [%s]}'
OPENIE = ['{"docs": [%s], "avg": NaN}' % (_RECORD % triples) for triples in ("", '["a", "b", "c"], ["a"], 5')]
RECORDS = _words("docs idx passage text extracted_entities extracted_triples")

DECISIONS = [
    '{"first": "ada lovelace", "second": "Countess of Lovelace", "decision": "accepted"}',
    '{"decision": "rejected", "first": "Köln", "second": "\\u0130zmir"}',
]
DECIDED = _words("first second decision accepted rejected")
TOML = [
    '[chunking]\nmethod = "sentences"\nmax_tokens = 128\n[llm]\nname = "openai:x"\n[llm.uses.reader]\nattempts = 2\n',
    '[retrieval]\nprofile = "hippo"\n[retrieval.profiles.mine]\nbase = "hippo"\n[encoder.minilm]\nx = [1, {y = 2}]\n',
]
TOML_WORDS = _words("[llm.uses. [[ ]] =· \"\"\" ''' inf nan 1e400 0x 1979-05-27 graph.rules= {a.b=1} max_cost·= seed")
SETTINGS = ["CHUNKING__MAX_TOKENS=128", "LLM__USES__READER={attempts=1}", "RETRIEVAL__PROFILE=hippo"]
WHERE = [
    "year >= 2020 and lang = 'en'",
    "not (a.b in (1, 'x', null)) or t between DATE '2024-05-01' and 3",
    "a like '%x!%' escape '!'",
]
WHERE_WORDS = _words("·and· ·or· not· ( ) ·is·null ·in·( between· like· DATE·' true \"a·b\" <> 1e400 '' timestamp -")
MAPPINGS = [
    '{"year": {"$gte": 2020, "$lt": 2030.5}, "$or": [{"tags": {"$in": ["a", 1, true]}}, {"$not": {"a.b": "x"}}]}',
    '{"timestamp": {"$between": [{"$date": "2024-05-01"}, "2025-01-01"]}, "a": {"$like": "%x", "$escape": "!"}}',
]
OPERATORS = _words("$and $or $not $in $nin $gte $like $escape $exists $between $date year a.b timestamp")
EACH_QUESTION = [
    '{"question": "Who?", "id": 1, "gold": ["d1"], "answer": ["Ada"], "answer_aliases": ["A"]}',
    '{"question": "Who?", "paragraphs": [{"title": "A", "text": "One.", "is_supporting": false}], "answer": "x"}',
    '{"question": "Who?", "_id": "q", "supporting_facts": [["A", 0]], "context": [["A", ["One.", "Two."]]]}',
]
LIST_OF_QUESTIONS = ["[" + ", ".join(EACH_QUESTION) + "]", "[" + EACH_QUESTION[0] + "]"]
QUESTIONS = _words(
    "question id _id gold answer answer_aliases paragraphs supporting_facts context title text is_supporting"
)

LISTS = [
    'Sure! ```json\n{"entities": ["Ada", 1843], "triples": [["Ada", "met", "Bob"]]}\n```',
    '<think>Hm [1]. {"entities": []}</think>{"entities": ["Ada", "Charles Babb',
    '{"triples": [{"subject": "a", "predicate": "b", "object": "c"}], "entities": [null, {}, [[]]]}',
]
LIST_WORDS = _words('{" entities triples ":·[ </think> ```json \\u \\" subject object')
ANSWERS = [
    "[thought] Ulm is in Germany. [answer] Germany [2].",
    "[none] The year is missing [1-3, 9].",
    "**【answer】** In Ulm [１].",
]
ANSWER_WORDS = _words("[ ] ［ 】 [none] [answer] [thought] [1] [2- [1,·3] ·none - 999999999999 ** :")
KEEP = ['Facts 1 and 3 help: {"keep": [3, 1, 9]}', "{'keep': ['2', +1.0, ]}", '{"keep": []} {"keep": [1']
KEEP_WORDS = _words('"keep" :·[ ] , 7 +1.0')

CHATS = [
    '[{"role": "user", "content": "Hi.", "ts": "17.5"}, {"role": "ai", "content": [{"type": "text", "text": "a"}]}]',
    (
        '[{"current_node": "b", "mapping": {"b": {"parent": "a", "message": null}, "a": {"message": {'
        '"create_time": 1e9, "author": {"role": "user"}, "content": {"parts": ["Hi"]}}}}}]'
    ),
    '{"name": "x", "messages": [{"from": "Ann", "date": "2024-05-01", "text": ["a", {"type": "bold", "text": "b"}]}]}',
    '[{"uuid": 1, "chat_messages": [{"sender": "human", "content": [{"type": "image", "url": "u", "alt": "c"}]}]}]',
]
CHAT_KEYS = _words(
    "role content speaker messages mapping parent message author parts type data text date ts name id uuid"
)
WHATSAPP = [
    "08/05/2023, 13:56 - Ann: Hello.\nhow are you\n09/05/2023, 1:02 PM - Ben: IMG-1.jpg (file attached)\n",
    "[2023-05-08, 13:56:02] ~Ann: a: b\n[08.05.23, 13:57:02] Ben: <attached: x.opus>\n",
]
CHAT_WORDS = _words("08/05/2023,·13:56·-· [31.12.99,·9:00] : ·AM ·Ann:· ¶ (file·attached) <attached:·x>")
CUES = [
    "WEBVTT\n\nNOTE x\n\n1\n00:01.000 --> 00:04.000\n<v.loud Ann>One <b>two</b>.\n\n00:05.0 --> 1:00:06.5\nBen: x\n",
    "1\n00:00:01,000 --> 00:00:04,000\n- One\n- Two\n\n2\n00:00:04,100 --> 00:00:06,000\n{\\an8}Three\n",
]
CUE_WORDS = _words("--> 00:01.000 <v·A> </v> ¶¶ ¶ WEBVTT NOTE {\\an8} 99:99:99,999")
MAIL = [
    "From a\nFrom: =?utf-8?b?w6k=?= <a@b.c>\nDate: Mon, 8 May 2023 13:56:02 +0200\nMessage-ID: <1@x>\n\nHi\n> a\n",
    'From a\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset=x\n\nHi\n--b--\n',
]
MAIL_WORDS = _words("From·a¶ Date:· Content-Type:· multipart/mixed;· boundary= --b charset= =?x?q?=FF?= base64 ¶¶ ;")
DATES = ["I met her yesterday, two weeks ago, last May.", "Between May 2021 and 3 June 2022?", "before she moved"]
DATE_WORDS = _words("last· next· May· 31 30·February ·ago in· 9999·years· before· when· 0001-01-01 week of· and·")
