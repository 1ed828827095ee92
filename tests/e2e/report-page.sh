#!/bin/sh
# The audit report in a browser: on a phone, a laptop and paper, light and dark, with and without its script, with names that want to be markup.
. "$BAILEE_ROOT/tests/e2e/lib.sh"
need chromium pdftotext pdftoppm jq /usr/bin/python3
model="/usr/bin/python3 $BAILEE_ROOT/tests/tools/report-model.py"
look="/usr/bin/python3 $BAILEE_ROOT/tests/tools/page-look.py"

for kind in sample not-anchored broken unchecked offline empty quiet large hostile days years; do
	$model $kind >"$work/$kind.json" || fail "no model of a report: $kind"
	"$BAILEE_BUILD/test/tools/report-page" "$work/$kind.json" >"$work/$kind.html" || fail "no page: $kind"
done

# Whatever a page of ours may not have is a problem that page-look tells.
for kind in sample not-anchored broken unchecked offline empty quiet hostile days years; do
	code 0 $look "$work/$kind.html"
	cp "$work/out" "$work/$kind.facts"
	[ "$(jq -r .title "$work/$kind.facts")" = "Audit report" ] || fail "$kind: another title"
	[ "$(jq '.elements | .script, .style, .h1, .main' "$work/$kind.facts" | tr '\n' ' ')" = "1 1 1 1 " ] || fail "$kind: what stands once stands twice"
	[ "$(jq .elements.section "$work/$kind.facts")" = 10 ] || fail "$kind: not ten sections"
done
for kind in sample broken hostile; do
	code 0 $look --dark "$work/$kind.html"
	jq -e '.background != "rgb(255, 255, 255)"' "$work/out" >"$work/dark" || fail "$kind: white in the dark"
done

# The verdict in words and colour; a broken log's before anything else, with what is still proved.
verdict() { grep -q "<div class=\"verdict $2\"" "$work/$1.html" && grep -qF "<h2>$3" "$work/$1.html" || fail "$1: verdict is not $2, '$3'"; }
verdict sample good "Good: this log is whole"
verdict not-anchored fair "Good, but not anchored"
verdict unchecked fair "Not checked"
verdict broken bad "Broken: do not rely on this log"
/usr/bin/python3 - "$work" <<'PYTHON'
import html.parser
import json
import sys

folder = sys.argv[1]



def page(kind):
    with open("%s/%s.html" % (folder, kind), encoding="utf-8") as file:
        return file.read()


def facts(kind):
    with open("%s/%s.facts" % (folder, kind), encoding="utf-8") as file:
        return {table["caption"]: table for table in json.load(file)["tables"]}


def model(kind):
    with open("%s/%s.json" % (folder, kind), encoding="utf-8") as file:
        return json.load(file)


def need(holds, words):
    if not holds:
        sys.exit("failed: " + words)


broken = page("broken")
need(broken.index("verdict bad") < broken.index("<h1"), "broken: the verdict does not come first")
need("Still proved: events 15211 to 48111." in broken, "broken: not said what is still proved")
need("48112 is missing" in broken and "records were taken out" in broken, "broken: not said what was found")
need("This is the word of the service" in page("unchecked"), "not said that it is the service's own word")

# Every row of the model stands in its table.
TABLES = {"people": "People", "devices": "Devices", "denials": "What was denied", "unmasking": "Views without masks", "unusual": "What stands out",
          "policies": "Policies that were loaded or refused", "holds": "Holds that stand", "shreds": "Destroyed",
          "hold_events": "Holds that were put or released", "lapses": "Roles that do not count, or soon will not",
          "requests": "Customers' requests", "incidents": "Incidents", "readers": "Readers"}
for kind in ("sample", "hostile", "offline", "days", "years"):
    told, wanted = facts(kind), model(kind)
    for key, caption in TABLES.items():
        if wanted[key] is None:
            need(caption not in told and caption.replace("'", "&#39;") + ": this report cannot say" in page(kind), kind + ": nothing is said of missing " + key)
        else:
            need(caption in told and told[caption]["rows"] == len(wanted[key]), "%s: rows of %s" % (kind, key))
    for limit in wanted["limits"][:3]:
        need(limit in page(kind), kind + ": a limit is not told")

# Names that want to be markup are texts; what nobody sees is shown.
hostile = facts("hostile")
names = {row["person"] for row in model("hostile")["people"]}
need("<script>document.title='owned'</script> 61001" in [hostile["People"]["first"][0]], "hostile: the first name is another")
text = page("hostile")
for bad in ("<script>document", "<img", "<h1>free", "\u202e", "\u200b", "\u0007", "\u001b", "\ufeff", "javascript:alert(1)\"", "]]><!--"):
    need(bad not in text, "hostile: raw %r" % bad)
for shown in ("\\xe2\\x80\\xaeevitaler", "zero\\xe2\\x80\\x8bwidth", "bell\\x07 and \\x1b[31mred", "line\\x0abreak\\x0d\\x09tab", "\\xef\\xbb\\xbfmark", "a\\x00b",
              "&amp;lt;already&amp;gt;", "\u0639\u0644\u064a \u05d3\u05d5\u05d3"):
    need(shown in text, "hostile: %r is not shown" % shown)
need("rm -rf" not in text, "hostile: a period went into a command")


class Rows(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.open = 0, []

    def handle_starttag(self, tag, attrs):
        self.rows += tag == "tr"
        if tag not in ("meta", "input", "wbr", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        need(self.open and self.open.pop() == tag, "large: </%s> closes something else" % tag)


# 5,000 rows of everything: none is lost, every element is closed, and what was cut is said.
rows = Rows()
rows.feed(page("large"))
lists = [len(model("large")[key]) + 1 for key in TABLES if model("large")[key]]
need(rows.rows == sum(lists) + 3 and not rows.open, "large: %d rows, not %d" % (rows.rows, sum(lists) + 3))
need("The first 5,000 of 95,210 rows are here" in page("large"), "large: not said what was cut")
for kind in ("empty", "quiet"):
    need("Nobody looked at anything in this time" in page(kind) and "Nobody did anything." in page(kind), kind + ": not said that nothing happened")
PYTHON

# Paper: nothing cut at the side, heads again on each sheet, page numbers, white although the screen is dark.
for kind in sample broken hostile; do
	timeout -k 5 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --user-data-dir="$work/profile" \
		--blink-settings=preferredColorScheme=0 --no-pdf-header-footer --print-to-pdf="$work/$kind.pdf" "file://$work/$kind.html" \
		</dev/null >"$work/out" 2>&1 || fail "$kind: cannot be printed"
	pdftotext -layout "$work/$kind.pdf" "$work/$kind.txt"
	# What stands in the last column of wide tables.
	jq -r '(.people + .devices + .denials)[] | .last_sequence' "$work/$kind.json" | while IFS= read -r word; do
		grep -qwF -- "$word" "$work/$kind.txt" || fail "$kind: '$word' is cut off on paper"
	done
done
jq -r '.devices[].device, .people[].person, .shreds[].status, .limits[0][:40]' "$work/sample.json" | while IFS= read -r word; do
	grep -qF -- "$word" "$work/sample.txt" || fail "'$word' is not on paper"
done
[ "$(grep -cE 'Device +Kind +State +People' "$work/sample.txt")" -ge 2 ] || fail "a table's heads are not on its second sheet"
grep -qE '^ *1 */ *[0-9]+$' "$work/sample.txt" || fail "sheets have no numbers"
head -c 2000 "$work/broken.txt" | grep -q "Broken: do not rely" || fail "a broken log's verdict is not on its first sheet"
pdftoppm -r 20 -gray -f 2 -l 2 "$work/sample.pdf" "$work/sheet"
/usr/bin/python3 -c 'import sys; data = open(sys.argv[1], "rb").read()[-20000:]; sys.exit(sum(data) < 200 * len(data))' "$work"/sheet*.pgm ||
	fail "paper is dark"
echo "pages were looked at"
