#include "tests/unit/fs/gate/fixture.h"

static const char CLOSED_STAYS[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    why: Owners copy the masked view.\n"
	"  - id: closed-stays\n    forbid: [copy]\n    who: everyone\n"
	"    what: {paths: ['/closed/**']}\n    why: What is in there stays in there.\n";

/* One file with two names in a directory source, where the filesystem alone knows that they are one. */
static int with_links(void **state)
{
	struct fixture *fixture = fixture_begin(state);
	char from[PATH_MAX], to[PATH_MAX];

	fixture_directory(fixture, "closed");
	fixture_text(fixture, "closed/kept.txt", "stays\n");
	fixture_text(fixture, "open/other.txt", "goes\n");
	snprintf(from, sizeof(from), "%s/closed/kept.txt", fixture->source);
	snprintf(to, sizeof(to), "%s/open/second.txt", fixture->source);
	assert_int_equal(link(from, to), 0);
	fixture_end(fixture, CLOSED_STAYS);
	return 0;
}

static void a_forbid_holds_by_every_known_name_of_a_file(void **state)
{
	struct gate_view *view = fixture_view(*state, UID_OWNER);
	uint64_t closed, second, other, handle;

	/* Both names are known once both folders were looked into. */
	assert_int_equal(do_walk(view, "RMA-1/closed/kept.txt", &closed), 0);
	assert_int_equal(do_walk(view, "RMA-1/open/second.txt", &second), 0);
	assert_int_equal(do_walk(view, "RMA-1/open/other.txt", &other), 0);
	assert_int_equal(do_open(view, UID_OWNER, closed, &handle), EACCES);
	assert_int_equal(do_open(view, UID_OWNER, second, &handle), EACCES);
	assert_int_equal(do_open(view, UID_OWNER, other, &handle), 0);
	gate_release(view, handle);
	gate_view_close(view);
	assert_int_equal(logged(*state, AUDIT_OPEN, AUDIT_DENIED, "closed-stays"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_forbid_holds_by_every_known_name_of_a_file,
						with_links, fixture_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
