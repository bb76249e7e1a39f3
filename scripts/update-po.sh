#!/usr/bin/env bash
# Brings the translations up to date with the sources: collects the texts into po/oracxfs.pot and merges them into each
# po/*.po. New texts appear there without a translation, changed ones are marked "fuzzy"; both fail a test until
# somebody has looked at them. Needs python3 and gettext.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python3 scripts/extract_texts.py
for catalogue in po/*.po; do
    msgmerge --quiet --update --backup=none --no-wrap --no-location --previous "$catalogue" po/oracxfs.pot
    printf '%s: ' "$catalogue"
    msgfmt --statistics -o /dev/null "$catalogue" 2>&1
done
