"""The kinds of file that can be told apart: signatures, names, and what a person calls them.

Tables of our own rather than a library's: `filetype` is no longer kept, `puremagic` answers with
many guesses for a text, and neither looks into a ZIP for the few kinds that matter here.
"""

from __future__ import annotations

BINARY = "application/octet-stream"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
DOCX = f"{_OFFICE}.wordprocessingml.document"
XLSX = f"{_OFFICE}.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
PPTX = f"{_OFFICE}.presentationml.presentation"
ODT = f"{_ODF}.text"
ODS = f"{_ODF}.spreadsheet"
ODP = f"{_ODF}.presentation"
ODF_TEMPLATES = frozenset(f"{kind}-template" for kind in (ODT, ODS, ODP))
NOTEBOOK = "application/x-ipynb+json"
EMAIL = "message/rfc822"
MBOX = "application/mbox"
ENCRYPTED_OFFICE = "application/x-office-encrypted"

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (8, b"AVI ", "video/x-msvideo"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar\x00", "application/x-tar"),
    (257, b"ustar  \x00", "application/x-tar"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ\x90\x00", "application/x-executable"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-executable"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"\x00asm", "application/wasm"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff"),
    (0, b"%!PS", "application/postscript"),
)

OFFICE_PARTS: tuple[tuple[str, str], ...] = (
    ("word/", DOCX),
    ("ppt/", PPTX),
    ("xl/workbook.bin", XLSB),
    ("xl/", XLSX),
    ("visio/", "application/vnd.ms-visio.drawing"),
    ("META-INF/container.xml", "application/epub+zip"),
    ("META-INF/MANIFEST.MF", "application/java-archive"),
)

OLE_STREAMS: tuple[tuple[str, str], ...] = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("WordDocument", "application/msword"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),  # until Excel 95
    ("__properties_version1.0", "application/vnd.ms-outlook"),
)
"""Streams at the top of an OLE container: below it are those of what is embedded."""

MARKDOWN_NAMES = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"})
MBOX_NAMES = frozenset({".mbox", ".mbx"})
HTML_NAMES = frozenset({".html", ".htm", ".xhtml"})
_TEXT_NAMES = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".log": "text/plain",
    ".rst": "text/plain",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/json",
    ".ndjson": "application/json",
    ".geojson": "application/json",
    ".ipynb": NOTEBOOK,
    ".xml": "text/xml",
}
_SOURCE_NAMES = (
    name
    for line in (
        ".py .pyi .js .mjs .ts .tsx .jsx .java .kt .go .rs .c .h .cc .cpp .hpp .cs .rb .php .swift",
        ".scala .sh .bash .zsh .ps1 .sql .r .lua .pl .ex .exs .erl .hs .ml .clj .dart .vue .svelte",
        ".css .scss .toml .yaml .yml .ini .cfg .conf .tf .proto .graphql .dockerfile .makefile",
    )
    for name in line.split()
)
NAMED_TEXTS = {**dict.fromkeys(_SOURCE_NAMES, "text/x-source"), **_TEXT_NAMES}

DESCRIPTIONS = {
    "text/plain": "plain text",
    "text/markdown": "Markdown",
    "text/html": "an HTML page",
    "text/csv": "a CSV table",
    "text/tab-separated-values": "a TSV table",
    "text/x-source": "source code",
    "text/xml": "an XML document",
    "application/json": "JSON",
    NOTEBOOK: "a Jupyter notebook",
    EMAIL: "an e-mail (EML)",
    MBOX: "a mailbox (MBOX)",
    "application/pdf": "a PDF",
    "application/rtf": "an RTF document",
    DOCX: "a Word document (DOCX)",
    PPTX: "a PowerPoint presentation (PPTX)",
    XLSX: "an Excel workbook (XLSX)",
    XLSB: "a binary Excel workbook (XLSB)",
    "application/vnd.ms-visio.drawing": "a Visio drawing",
    "application/msword": "an old Word document (DOC)",
    "application/vnd.ms-powerpoint": "an old PowerPoint presentation (PPT)",
    "application/vnd.ms-excel": "an old Excel workbook (XLS)",
    "application/vnd.ms-outlook": "an Outlook message (MSG)",
    ENCRYPTED_OFFICE: "an Office document under a password",
    "application/x-ole-storage": "an old Office file",
    "application/epub+zip": "an EPUB book",
    ODT: "an OpenDocument text (ODT)",
    ODS: "an OpenDocument spreadsheet (ODS)",
    ODP: "an OpenDocument presentation (ODP)",
    **dict.fromkeys(ODF_TEMPLATES, "an OpenDocument template"),
    "application/zip": "a ZIP archive",
    "application/gzip": "a gzip archive",
    "application/x-bzip2": "a bzip2 archive",
    "application/x-xz": "an xz archive",
    "application/zstd": "a Zstandard archive",
    "application/x-tar": "a TAR archive",
    "application/x-7z-compressed": "a 7-Zip archive",
    "application/vnd.rar": "a RAR archive",
    "application/java-archive": "a Java archive",
    "application/java-vm": "a compiled Java class",
    "application/vnd.sqlite3": "an SQLite database",
    "application/vnd.apache.parquet": "a Parquet table",
    "application/x-executable": "an executable program",
    "application/wasm": "a WebAssembly program",
    "application/postscript": "a PostScript document",
    "font/woff": "a font",
    "image/png": "a PNG image",
    "image/jpeg": "a JPEG image",
    "image/gif": "a GIF image",
    "image/webp": "a WebP image",
    "image/tiff": "a TIFF image",
    "image/avif": "an AVIF image",
    "image/heic": "a HEIC image",
    "video/mp4": "an MP4 video",
    "video/x-matroska": "a Matroska video",
    "video/x-msvideo": "an AVI video",
    "audio/wav": "a WAV recording",
    "audio/mpeg": "an MP3 recording",
    "audio/ogg": "an Ogg recording",
    "audio/flac": "a FLAC recording",
    BINARY: "a binary file of an unknown kind",
}
