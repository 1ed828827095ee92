/* What a customer is told, in each state that a device can be in, and whatever stands in the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/report-customer.c"
#include "fs/cli/report-doc.c"
#include "fs/cli/report-words.c"
#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

#define BASE                                                                                       \
	"\"id\":\"RMA-1\",\"kind\":\"phone\",\"maker\":\"Acme\",\"model\":\"Fon\",\"received\":"   \
	"\"2026-11-01 "                                                                            \
	"10:00\",\"made\":\"2026-11-20 "                                                           \
	"10:00\",\"policy_serial\":7,\"public_key\":\"00112233445566778899aabbccddeeff\","         \
	"\"digest\":\"ffeeddcc\""
#define OURS	 "\"sealed\":true,\"due\":\"2026-12-01 10:00\""
#define SHREDDED "\"state\":\"shredded\",\"sealed\":true,\"end\":{\"at\":\"2026-11-19 09:00\"}"
#define CERTIFIED(status)                                                                          \
	"\"destroyed\":{\"status\":\"" status "\",\"technique\":\"overwrite\",\"done\":"           \
	"\"2026-11-19T09:00:00Z\"}"

/* @more in the answer, and then these are told, in one form or the other, and that is not */
struct row {
	const char *more;
	const char *en, *de, *lacks;
};

static const struct row ROWS[] = {
	/* how it stands */
	{"\"state\":\"open\"," OURS, "We still hold it, until 1 December 2026 at the latest",
	 "längstens bis 1. Dezember 2026", "Destroyed on"},
	{"\"state\":\"open\",\"due\":\"2026-12-01 10:00\"",
	 "The device itself is not ours to destroy", "Gerät selbst dürfen wir nicht vernichten",
	 "Then it is destroyed"},
	{"\"state\":\"due\"," OURS, "Its time is over", "Die Frist ist abgelaufen", "Destroyed on"},
	{"\"state\":\"due\",\"held\":true," OURS, "must not destroy it yet",
	 "dürfen es noch nicht vernichten", "Its time is over"},
	{SHREDDED "," CERTIFIED("ERASED"), "Destroyed on 19 November 2026",
	 "Vernichtet am 19. November 2026", "still hold"},
	{SHREDDED "," CERTIFIED("ERASED_WITH_EXCEPTIONS"), "Not every step could be proven",
	 "Nicht jeder Schritt", "still hold"},
	{SHREDDED "," CERTIFIED("NOT_ERASED"), "Its destruction is not proven",
	 "Die Vernichtung ist nicht bewiesen", "Destroyed on"},
	{SHREDDED ",\"destroyed\":null", "Its destruction is not proven",
	 "Die Vernichtung ist nicht bewiesen", "Destroyed on"},
	{"\"state\":\"released\"", "We hold nothing of it any more", "Wir haben nichts mehr davon",
	 "Destroyed on"},
	{"\"state\":\"released\",\"end\":{\"at\":\"2026-11-19 09:00\"}," CERTIFIED("ERASED"),
	 "Destroyed on 19 November 2026", "Vernichtet am 19. November 2026", "still hold"},
	/* what was found */
	{"\"found\":null,\"state\":\"open\"," OURS, "Nobody had counted", "Niemand hat gezählt",
	 "looked through"},
	{"\"found\":{\"at\":\"2026-11-02 "
	 "10:00\",\"looked\":1,\"classes\":{},\"withheld\":12345}," OURS,
	 "looked through 1 file and found none", "12.345 Dateien (Bilder", "Nobody had counted"},
	{"\"found\":{\"at\":\"2026-11-02 "
	 "10:00\",\"looked\":12345,\"classes\":{\"card\":{\"values\":2345,\"files\":2}}}," OURS,
	 "payment card numbers: 2,345, in 2 files",
	 "Nummern von Zahlungskarten: 2.345, in 2 Dateien", "could not look"},
	/* the promises */
	{"\"promises\":[]," OURS, "Nobody here may look", "Niemand hier darf ansehen",
	 "may be copied out only"},
	{"\"promises\":[{\"what\":\"look\",\"roles\":[\"privacy-officer\",\"desk\"],\"purposes\":["
	 "\"customer-request\"],\"consent\":true,\"reason\":true,\"approvals\":1,\"classes\":[],"
	 "\"why\":\"It is needed.\"}]," OURS,
	 "privacy officer, desk, for customer request, only with your consent, with a reason that "
	 "is "
	 "recorded, after another person has agreed. In the words of our rules: It is needed.",
	 "nachdem eine weitere Person zugestimmt hat", "customer-request"},
	{"\"promises\":[{\"what\":\"receive\",\"everyone\":true,\"roles\":[],\"purposes\":[],"
	 "\"approvals\":2,\"why\":\"x\"}]," OURS,
	 "everybody who works here, after 2 other people have agreed", "alle, die hier arbeiten",
	 "Nobody. What was on your device is not copied"},
	{OURS, "Nobody. What was on your device is not copied out", "Niemand. Was auf Ihrem Gerät",
	 "only so:"},
	/* the choice, and what was asked for */
	{"\"consents\":[{\"purpose\":\"repair\",\"state\":\"withdrawn\",\"since\":\"2026-11-03 "
	 "10:00\"}]," OURS,
	 "You do not agree to this: repair (on record since 3 November 2026)",
	 "Sie stimmen nicht zu: repair", "You agreed"},
	{"\"requests\":[{\"kind\":\"return\",\"state\":\"refused\",\"since\":\"2026-11-03 "
	 "10:00\",\"ended\":\"2026-11-04 10:00\"}]," OURS,
	 "You asked on 3 November 2026: to have the device returned. Refused on 4 November 2026",
	 "das Gerät zurückzugeben. Abgelehnt am 4. November 2026", "Done on"},
	{"\"requests\":[{\"kind\":\"disclose\",\"state\":\"open\",\"since\":\"2026-11-03 "
	 "10:00\",\"ended\":null}]," OURS,
	 "what we hold. We are at it.", "Wir sind dabei.", "Refused"},
	/* where to complain */
	{"\"contact\":null,\"complain\":null," OURS, "[your contact point", "[die Behörde",
	 "(null)"},
	{"\"contact\":\"The desk\",\"complain\":\"The authority\"," OURS,
	 "say the number RMA-1: The desk", "beschweren: The authority", "[your contact"},
	/* who looked */
	{"\"looks\":[]," OURS, "Nobody. Every look is written down, and there was none.",
	 "Niemand. Jeder Blick", "day by day"},
	{"\"looks\":[{\"day\":\"2026-11-05 00:00\",\"first\":\"2026-11-05 "
	 "10:00\",\"roles\":\"\",\"purpose\":\"none\",\"people\":1,\"files\":0,\"listed\":true,"
	 "\"denied\":1}]," OURS,
	 "names of files; 1 attempt was refused", "jemand, der hier heute keine Rolle",
	 "Files were opened"},
	{"\"looks\":[{\"day\":\"2026-11-05 00:00\",\"first\":\"2026-11-05 "
	 "10:00\",\"roles\":\"desk,auditor\",\"purpose\":\"repair\",\"people\":3,\"files\":2,"
	 "\"sealed\":true,\"unmasked\":1,\"classes\":\"iban, "
	 "loyalty-card\"}]," OURS,
	 "1 file was opened in which these were not hidden: IBANs, loyalty-card. On 5 November "
	 "2026, "
	 "by: desk, auditor (3 people).",
	 "an einem abgeschlossenen Ort", "work computer"},
	{"\"is_more\":true,\"looks\":[{\"roles\":\"desk\",\"person\":\"anna\",\"purpose\":"
	 "\"repair\","
	 "\"people\":1,\"files\":2}]," OURS,
	 "anna (desk)", "das sind Mindestzahlen", "sealed place"},
	/* what went wrong, and its end */
	{"\"incidents\":[{\"kind\":\"loss\",\"state\":\"closed\",\"opened\":\"2026-11-06 "
	 "10:00\",\"closed\":\"2026-11-07 10:00\",\"action\":\"We have locks.\"}]," OURS,
	 "could not be found. Settled on 7 November 2026. So that it does not happen again: We "
	 "have "
	 "locks.",
	 "waren nicht auffindbar", "dealing with it"},
	{SHREDDED
	 "," CERTIFIED("ERASED") ",\"verified\":{\"at\":\"2026-11-20 10:00\",\"good\":false}",
	 "somebody else looked again whether all is gone: not all was as it should be",
	 "nicht alles war, wie es sein soll", "gone: it is"},
	{SHREDDED "," CERTIFIED("ERASED"), "--key \\ 00112233445566778899aabbccddeeff",
	 "00112233 44556677 8899aabb ccddeeff", "verifies"},
	{"\"state\":\"open\"," OURS, "When it is destroyed you can have a signed certificate",
	 "Wenn es vernichtet ist", "certificate verify"},
	/* nothing at all is no crash */
	{"\"looks\":null", "What happened to your device", "Was mit Ihrem Gerät", "(null)"},
};

/* Spaces and new lines as one space. */
static char *flat(const char *text)
{
	char *copy = strdup(text), *to = copy;

	assert_non_null(copy);
	for (const char *at = text; *at; at++)
		if ((*at != '\n' && *at != ' ') || (to > copy && to[-1] != ' '))
			*to++ = *at == '\n' ? ' ' : *at;
	*to = '\0';
	return copy;
}

static char *report_of(const struct row *row, enum report_lang lang, bool is_html)
{
	char *text = NULL;
	struct page page;

	assert_true(asprintf(&text, "{%s%s%s}", BASE, *row->more ? "," : "", row->more) > 0);
	json_t *answer = page_json(text);

	page_begin(&page);
	report_customer(page.out, answer, lang, is_html);
	page_end(&page);
	json_decref(answer);
	free(text);
	return page.text;
}

static void each_state_is_told_in_each_language(void **state)
{
	(void)state;
	setenv("LC_ALL", "C.UTF-8", 1);
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		for (unsigned lang = 0; lang < REPORT_LANG_COUNT; lang++) {
			char *text = report_of(&ROWS[i], (enum report_lang)lang, false);
			char *words = flat(text);

			page_has(words, lang == REPORT_EN ? ROWS[i].en : ROWS[i].de);
			page_lacks(words, ROWS[i].lacks);
			assert_true(widest(text) <= TELL_WIDE);
			free(words);
			free(text);
		}
}

static void the_page_says_what_the_letter_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		char *page = report_of(&ROWS[i], REPORT_EN, true);

		page_has(page, "<html lang=\"en\">");
		page_has(page, "default-src 'none'");
		page_lacks(page, "(null)");
		free(page);
	}
}

static void texts_of_others_stay_texts(void **state)
{
	static const struct row HOSTILE = {"\"state\":\"open\",\"contact\":\"<img src=x "
					   "onerror=alert(1)>\",\"complain\":\"a\\u202eb"
					   "\\nc\",\"promises\":[{\"what\":\"look\",\"roles\":["
					   "\"x\"],\"purposes\":[],\"why\":\"</"
					   "section><script>alert(1)</script>\"}]," OURS,
					   "", "", ""};

	(void)state;
	char *page = report_of(&HOSTILE, REPORT_EN, true);
	char *text = report_of(&HOSTILE, REPORT_EN, false);

	page_lacks(page, "<img");
	page_lacks(page, "<script>alert");
	page_lacks(page, "\xe2\x80\xae");
	page_lacks(text, "\xe2\x80\xae");
	page_has(text, "a\\xe2\\x80\\xaeb\\x0ac");
	free(page);
	free(text);
}

static void a_terminal_without_utf8_gets_ascii(void **state)
{
	(void)state;
	setenv("LC_ALL", "C", 1);
	char *text = report_of(&ROWS[0], REPORT_DE, false);

	for (const char *at = text; *at; at++)
		assert_true((unsigned char)*at < 0x80);
	page_has(text, "laengstens bis");
	free(text);
	setenv("LC_ALL", "C.UTF-8", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_is_told_in_each_language),
		cmocka_unit_test(the_page_says_what_the_letter_says),
		cmocka_unit_test(texts_of_others_stay_texts),
		cmocka_unit_test(a_terminal_without_utf8_gets_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
