#include "tests/unit/fs/gate/fixture.h"

#include <sched.h>

#include "fs/gate/private.h"

static void *drop_device(void *context)
{
	gate_device_drop(context, "RMA-1");
	return NULL;
}

/* An open that was judged before the drop and comes after it: who drops would wait for its handle for ever. */
static void a_handle_that_comes_after_a_drop_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	uint64_t node;
	struct gate_handle *handle = handle_new();
	struct gate_device *still;
	pthread_t dropping;

	assert_non_null(handle);
	assert_int_equal(do_walk(view, "RMA-1/open/note.txt", &node), 0);
	handle->device = gate_device_of(fixture->gate, node);
	assert_int_equal(pthread_create(&dropping, NULL, drop_device, fixture->gate), 0);
	while ((still = gate_device_of(fixture->gate, node))) {
		gate_device_unref(still);
		sched_yield();
	}
	assert_false(handle_add(view, handle));
	assert_null(view->handles);
	handle_free(handle);
	assert_int_equal(pthread_join(dropping, NULL), 0);
	gate_view_close(view);
}

/* Stands for a change while a listing is under way: the real one waits for the lock that is held here. */
static bool view_moves_on(void *context, const char *name, const struct gate_attr *attr,
			  uint64_t next_offset)
{
	struct gate_view *view = context;

	(void)name, (void)attr, (void)next_offset;
	atomic_fetch_add(&view->epoch, 1);
	return true;
}

static void a_listing_of_devices_is_as_old_as_its_first_name(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = fixture_view(fixture, UID_OWNER);
	struct gate_caller caller = caller_uid(UID_OWNER);
	struct device second = {.kind = DEVICE_LAPTOP, .enrolled_unix = 1, .id = "RMA-2"};
	struct waited opening, listing;

	snprintf(second.source, sizeof(second.source), "%s", fixture->source);
	assert_int_equal(device_enroll(fixture->store, &second, NULL, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-2");
	waited_begin(&opening);
	gate_opendir(view, &caller, GATE_ROOT, &opening.reply);
	assert_int_equal(waited_end(&opening), 0);
	uint64_t before = gate_view_epoch(view);

	waited_begin(&listing);
	gate_readdir(view, &caller, opening.reply.handle, 0, view_moves_on, view, &listing.reply);
	assert_int_equal(waited_end(&listing), 0);
	assert_int_equal(listing.reply.length, 3); /* and the notice */
	assert_int_equal(listing.reply.epoch, before);
	gate_release(view, opening.reply.handle);
	gate_view_close(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_handle_that_comes_after_a_drop_is_refused,
						fixture_with_note, fixture_without),
		cmocka_unit_test_setup_teardown(a_listing_of_devices_is_as_old_as_its_first_name,
						fixture_with_note, fixture_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
