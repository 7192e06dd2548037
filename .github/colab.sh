#!/usr/bin/env bash
# What colab.yml runs in Colab's image, where the checkout is /content/source: installs the library alone, as a chapter's
# first cell does, and papermill, and executes every chapter at smoke.
set -euo pipefail
cp -r /content/source /content/book-source
python3 -m pip install --quiet --no-deps /content/book-source
python3 -m pip install --quiet papermill
mkdir -p /content/book-source/executed
cd /content/book-source/executed
failed=()
for chapter in ../book/*.ipynb; do
    echo "== $chapter"
    python3 -m papermill "$chapter" "$(basename "$chapter")" -f ../book/presets/smoke.yml -k python3 --no-progress-bar ||
        failed+=("$chapter")
done
if ((${#failed[@]})); then
    echo "These chapters do not run on Colab: ${failed[*]}"
    exit 1
fi
