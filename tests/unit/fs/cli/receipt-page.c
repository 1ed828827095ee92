#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>

#include "fs/cli/progress.c"
#include "fs/cli/receipt-page.c"
#include "fs/cli/tell.c"
#include "tests/unit/fs/cli/page.h"

#define DEVICE                                                                                     \
	"\"id\":\"RMA-1\",\"kind\":\"laptop\",\"maker\":\"Acme\",\"model\":\"Book\",\"serial\":"   \
	"\"\",\"capacity\":512000000000,\"received\":\"2026-11-20 10:00\",\"due\":\"2026-12-20 "   \
	"10:00\",\"sealed\":true"
#define TAKEN                                                                                      \
	"\"{\\\"source\\\":{\\\"form\\\":\\\"file\\\",\\\"container\\\":\\\"raw\\\","              \
	"\\\"bytes\\\":"                                                                           \
	"1000,\\\"digest\\\":{\\\"algorithm\\\":\\\"SHA-256\\\",\\\"value\\\":\\\"abcd\\\"}},"     \
	"\\\"unreadable\\\":{\\\"bytes\\\":512},\\\"left_out\\\":{\\\"bytes\\\":0}}\""

static char *page_of(const char *json)
{
	json_t *answer = page_json(json);
	char *page = NULL;

	assert_true(receipt_page(answer, &page));
	json_decref(answer);
	return page;
}

static void both_read_what_was_handed_in_and_taken(void **state)
{
	static const char *const SAID[] = {
		"Device         RMA-1\n",
		"Serial number  not stated\n",
		"Capacity       512.0 GB\n",
		"               scratch above the hinge\n",
		"               2 pictures of it; their SHA-256 begin with:\n"
		"               aaaaaaaaaaaa, bbbbbbbbbbbb\n",
		"Taken from     a disk, or an image of it\n",
		"Bytes          1000 (1.0 kB)\n",
		"SHA-256        abcd\n",
		"Unreadable     512 B\n",
		"Our copy is destroyed on 2026-12-20 10:00, and",
		"Handed in by (name, date)               Taken in by (name, date)\n",
	};
	char *page = page_of(
		"{" DEVICE ",\"notes\":[{\"text\":\"scratch above the hinge\"}],\"pictures\":["
		"\"aaaaaaaaaaaaaaaa\",\"bbbbbbbbbbbbbbbb\"],\"certificate\":" TAKEN "}");

	(void)state;
	for (size_t i = 0; i < BL_COUNT(SAID); i++)
		page_has(page, SAID[i]);
	page_lacks(page, "Left out");
	free(page);
}

static void what_was_only_enrolled_has_nothing_taken_from_it(void **state)
{
	char *page = page_of("{\"id\":\"RMA-1\",\"sealed\":false,\"destroy_when_due\":false}");

	(void)state;
	page_has(page, "nothing was taken in");
	page_has(page, "nothing was noted");
	page_has(page, "Access to it ends on its date");
	page_lacks(page, "destroyed on");
	free(page);
}

/* As much as a record may hold, and a hostile maker. */
static void it_is_one_page_whatever_is_noted(void **state)
{
	json_t *answer = page_json("{" DEVICE ",\"certificate\":" TAKEN "}");
	json_t *condition = json_array(), *pictures = json_array();
	char note[1024], digest[65];
	char *page = NULL;

	(void)state;
	memset(note, 'x', sizeof(note) - 1);
	note[sizeof(note) - 1] = '\0';
	for (size_t i = 0; i < sizeof(note) - 1; i += 9)
		note[i] = i % 2 ? ' ' : '\n';
	memset(digest, 'd', sizeof(digest) - 1);
	digest[sizeof(digest) - 1] = '\0';
	for (size_t i = 0; i < 64; i++)
		json_array_append_new(condition, json_pack("{s:s}", "text", note));
	for (size_t i = 0; i < 16; i++)
		json_array_append_new(pictures, json_string(digest));
	json_object_set_new(answer, "notes", condition);
	json_object_set_new(answer, "pictures", pictures);
	json_object_set_new(answer, "maker", json_string("\033[2J\nnew line"));
	assert_true(receipt_page(answer, &page));
	json_decref(answer);
	if (page_lines(page) > RECEIPT_LINES)
		fail_msg("%zu lines:\n%s", page_lines(page), page);
	assert_true(page_width(page) <= TELL_WIDE);
	page_has(page, "(and more, on record)");
	page_has(page, "\\x1b[2J\\x0anew line");
	page_has(page, "Taken in by");
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_read_what_was_handed_in_and_taken),
		cmocka_unit_test(what_was_only_enrolled_has_nothing_taken_from_it),
		cmocka_unit_test(it_is_one_page_whatever_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
