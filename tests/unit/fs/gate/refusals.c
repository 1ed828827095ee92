#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

static void note_change(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

static void reads_refused_without_end_end_the_view(void **state)
{
	struct gate_view *view = fixture_view(*state, UID_OWNER);
	atomic_int changes = 0;
	uint64_t handle, node;
	uint8_t got[64];
	size_t length;

	gate_view_on_change(view, note_change, &changes);
	assert_int_equal(do_walk(view, "RMA-1/open/note.txt", &node), 0);
	assert_int_equal(do_open(view, UID_OWNER, node, &handle), 0);
	for (int i = 1; i < VIEW_REFUSALS_A_MINUTE; i++)
		assert_int_equal(
			do_read(view, UID_STRANGER, handle, 0, got, sizeof(got), 64, &length),
			EACCES);
	assert_false(gate_view_is_revoked(view));
	assert_int_equal(do_read(view, UID_STRANGER, handle, 0, got, sizeof(got), 64, &length),
			 EACCES);
	assert_true(gate_view_is_revoked(view));
	assert_int_equal(atomic_load(&changes), 1);
	gate_release(view, handle);
	gate_view_close(view);
	assert_int_equal(logged(*state, AUDIT_VIEW_REVOKED, AUDIT_DENIED, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_refused_without_end_end_the_view,
						fixture_with_note, fixture_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
