/* Trusted time: the rules of docs/retention.md, and what of it any thread may ask without a lock. */
#include "fs/retention/clock.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fs/retention/clock-host.h"
#include "fs/retention/fields.h"

#define CLOCK_LIMIT                                                                                \
	INT64_C(253402300799) /* end of the year 9999: sums of two such cannot overflow */
#define DRIFT_SHARE  1000     /* of what passed */
#define KEEP_SECONDS 60	      /* a step that only lets time pass is written so often */
/*
 * A host that was off makes a jump at its next start, which is no news while one is being waited out: else one that is off every
 * night, and synchronised with nobody, would never be at the end of its wait. A long weekend; more than that was set.
 */
#define OFF_SECONDS (4 * CLOCK_WAIT)

/* ---- one look ------------------------------------------------------------------------------------------ */

static int64_t within(int64_t value, int64_t most)
{
	return value < 0 ? 0 : BL_MIN(value, most);
}

static bool is_same_boot(const struct clock_sight *a, const struct clock_sight *b)
{
	return strcmp(a->boot_id, b->boot_id) == 0;
}

/*
 * Since the last look, as far as CLOCK_BOOTTIME knows. Another boot began after it, so all of that boot counts. Of boots that
 * cannot be told apart only what passed in any case does: the look before may have been of this one.
 */
static int64_t passed_ms(const struct clock_sight *last, const struct clock_sight *sight)
{
	bool are_known = *last->boot_id && *sight->boot_id;

	if (are_known && !is_same_boot(last, sight))
		return sight->boot_ms;
	return sight->boot_ms > last->boot_ms ? sight->boot_ms - last->boot_ms : 0;
}

/* Time goes on by itself. Parts of a second are kept for the next look, by counting from a moment that much earlier. */
static int64_t go_on(struct clock_memory *memory, const struct clock_sight *sight)
{
	int64_t ms = passed_ms(&memory->last, sight);
	int64_t seconds = within(ms / 1000, CLOCK_LIMIT - memory->trusted_unix);

	memory->trusted_unix += seconds;
	memory->last = *sight;
	memory->last.boot_ms = sight->boot_ms - ms % 1000;
	return seconds;
}

/* Trusted time is what the wall clock says, from here on. */
static void follow(struct clock_memory *memory, const struct clock_sight *sight)
{
	memory->trusted_unix = sight->wall_unix;
	memory->last.boot_ms = sight->boot_ms;
	memory->waited_s = 0;
}

/* @moved: how far the wall clock was set since the last look. @is_new: a jump that was not there, or not so far, before */
static enum clock_news wait_for_it(struct clock_memory *memory, const struct clock_sight *sight,
				   int64_t seconds, int64_t moved, bool is_new)
{
	memory->waited_s = is_new ? 0 : BL_MIN(memory->waited_s + seconds, CLOCK_WAIT);
	if (memory->waited_s < CLOCK_WAIT)
		return is_new || moved < -CLOCK_DRIFT ? CLOCK_JUMPED : CLOCK_NOTHING;
	follow(memory, sight);
	return CLOCK_TAKEN;
}

/*
 * Within one boot the two clocks do not drift apart unless one is set: small steps in a row are somebody's, who would have time run away by a
 * minute at each look. A minute is there to begin with, then a thousandth of what passes.
 */
static bool is_drift(struct clock_memory *memory, int64_t ahead, int64_t most)
{
	if (memory->drifted_ms + ahead * 1000 > most * 1000)
		return false;
	memory->drifted_ms += ahead * 1000;
	return true;
}

enum clock_news clock_step(struct clock_memory *memory, const struct clock_sight *seen)
{
	struct clock_sight sight = *seen;

	sight.wall_unix = within(seen->wall_unix, CLOCK_LIMIT);
	sight.boot_ms = within(seen->boot_ms, 1000 * CLOCK_LIMIT);

	bool is_same = is_same_boot(&memory->last, &sight);
	int64_t ahead_before = memory->last.wall_unix - memory->trusted_unix;
	int64_t seconds = go_on(memory, &sight);
	int64_t ahead = sight.wall_unix - memory->trusted_unix;
	int64_t moved = ahead - ahead_before;
	int64_t most = BL_MAX(CLOCK_DRIFT, seconds / DRIFT_SHARE);

	memory->drifted_ms = BL_MAX(memory->drifted_ms - seconds * 1000 / DRIFT_SHARE, INT64_C(0));
	if (ahead > most && sight.is_synchronised) {
		follow(memory, &sight);
		return CLOCK_TAKEN;
	}
	if (ahead > most)
		return wait_for_it(memory, &sight, seconds, moved,
				   ahead_before <= CLOCK_DRIFT ||
					   moved > (is_same ? most : OFF_SECONDS));
	memory->waited_s = 0;
	if (ahead > 0 && (sight.is_synchronised || is_drift(memory, ahead, most)))
		follow(memory, &sight);
	return moved > most || moved < -most ? CLOCK_JUMPED : CLOCK_NOTHING;
}

/* ---- what is kept ---------------------------------------------------------------------------------------- */

#define FIELD(name_, type_, member_)                                                               \
	{                                                                                          \
		name_, type_, offsetof(struct clock_memory, member_),                              \
			sizeof(((struct clock_memory *)0)->member_), NULL                          \
	}
static const struct field FIELDS[] = {
	FIELD("boot_id", FIELD_TEXT, last.boot_id), FIELD("boot_ms", FIELD_64, last.boot_ms),
	FIELD("trusted", FIELD_64, trusted_unix),   FIELD("waited", FIELD_64, waited_s),
	FIELD("wall", FIELD_64, last.wall_unix),
};
#define VERSION 1

static bool is_sound(const struct clock_memory *memory)
{
	return memory->trusted_unix <= CLOCK_LIMIT && memory->last.wall_unix <= CLOCK_LIMIT &&
	       memory->last.boot_ms <= 1000 * CLOCK_LIMIT && memory->waited_s <= CLOCK_WAIT &&
	       strspn(memory->last.boot_id, "0123456789abcdef-") == strlen(memory->last.boot_id);
}

bool clock_decode(const char *text, size_t length, struct clock_memory *out_memory)
{
	JSON_CLEANUP json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *version = json_object_get(json, "version");
	struct clock_memory memory = {0};

	if (!json_is_integer(version) || json_integer_value(version) != VERSION ||
	    !fields_decode(FIELDS, BL_COUNT(FIELDS), 1, json, &memory) || !is_sound(&memory))
		return false;
	*out_memory = memory;
	return true;
}

static enum bl_status write_memory(struct device_store *store, const struct clock_memory *memory,
				   struct bl_error *why)
{
	JSON_CLEANUP json_t *json = fields_encode(FIELDS, BL_COUNT(FIELDS), memory);
	BL_CLEANUP(bl_free) char *text = NULL;

	if (json && json_object_set_new(json, "version", json_integer(VERSION)) == 0)
		text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
	if (!text)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	return device_store_secret_write(store, STORE_CLOCK, text, strlen(text), why);
}

/* BL_NOT_FOUND: there is none. */
static enum bl_status read_memory(struct device_store *store, struct clock_memory *out_memory,
				  struct bl_error *why)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = NULL;
	size_t length = 0;
	enum bl_status status = device_store_secret_read(store, STORE_CLOCK, &bytes, &length, why);

	if (status == BL_OK && !clock_decode((const char *)bytes, length, out_memory))
		status = BL_TAMPERED;
	if (status == BL_TAMPERED)
		return bl_fail(
			why, status,
			"the store's 'clock' is damaged or not of this store: what time it is "
			"cannot be known (restore it from a backup of the store; or remove it: "
			"time then begins with the newest record)");
	return status;
}

static void take_later(int64_t *newest, int64_t at_unix)
{
	*newest = BL_MAX(*newest, at_unix);
}

/* Only what we stamped ourselves: what people state may lie in the future, and so do dates that are still to come. */
static bool take_moments(void *context, const struct device *device)
{
	int64_t *newest = context;

	take_later(newest, device->enrolled_unix);
	take_later(newest, device->closed_unix);
	take_later(newest, device->end.at_unix);
	take_later(newest, device->verified.at_unix);
	take_later(newest, device->inspected.at_unix);
	for (size_t i = 0; i < device->hold_count; i++) {
		take_later(newest, device->holds[i].since_unix);
		take_later(newest, device->holds[i].reviewed_unix);
	}
	return true;
}

/* A store that has no clock yet, or not any more. */
static void begin_memory(struct device_store *store, const struct clock_sight *sight,
			 struct clock_memory *out_memory)
{
	int64_t newest = -1;

	device_each(store, take_moments, &newest);
	if (newest < 0)
		newest = sight->wall_unix;
	*out_memory =
		(struct clock_memory){.trusted_unix = within(newest, CLOCK_LIMIT), .last = *sight};
	/* As if it had been in step then: what the wall clock is ahead of that is a jump. */
	out_memory->last.wall_unix = out_memory->trusted_unix;
}

/* ---- the clock -------------------------------------------------------------------------------------------- */

struct clock {
	struct device_store *store;
	pthread_mutex_t mutex; /* over all but what is atomic; held through a write */
	struct clock_memory memory, kept;
	bool is_unkept;		 /* the last write failed, or there was none */
	enum clock_news pending; /* seen when it was opened: the first tick tells */
	/*
	 * What is asked without a lock. Each only ever grows, so it does not matter whether a reader sees both of one tick: trusted
	 * time less CLOCK_BOOTTIME, in ms, and what was trusted at the last tick, which nothing falls below.
	 */
	_Atomic int64_t offset_ms, floor_unix;
};

static bool is_worth_keeping(const struct clock *clock, const struct clock_memory *memory,
			     enum clock_news news)
{
	return clock->is_unkept || news != CLOCK_NOTHING ||
	       memory->trusted_unix - clock->kept.trusted_unix >= KEEP_SECONDS ||
	       memory->waited_s - clock->kept.waited_s >= KEEP_SECONDS;
}

static void publish(struct clock *clock)
{
	const struct clock_memory *memory = &clock->memory;

	atomic_store(&clock->offset_ms, memory->trusted_unix * 1000 - memory->last.boot_ms);
	atomic_store(&clock->floor_unix, memory->trusted_unix);
}

/* With the mutex. Written first, then it counts; when it cannot be written it counts all the same, since time goes on. */
static enum bl_status look(struct clock *clock, enum clock_news *out_news, struct bl_error *why)
{
	struct clock_memory memory = clock->memory;
	enum bl_status status = BL_OK;
	struct clock_sight sight;

	clock_look(&sight);
	*out_news = clock_step(&memory, &sight);
	if (is_worth_keeping(clock, &memory, *out_news)) {
		status = write_memory(clock->store, &memory, why);
		clock->is_unkept = status != BL_OK;
		if (status == BL_OK)
			clock->kept = memory;
	}
	clock->memory = memory;
	publish(clock);
	return status;
}

static enum bl_status open_memory(struct clock *clock, struct bl_error *why)
{
	enum bl_status status = read_memory(clock->store, &clock->memory, why);
	struct clock_sight sight;

	clock->kept = clock->memory;
	if (status != BL_NOT_FOUND)
		return status;
	clock_look(&sight);
	begin_memory(clock->store, &sight, &clock->memory);
	clock->is_unkept = true;
	return BL_OK;
}

enum bl_status clock_open(struct device_store *store, struct clock **out_clock,
			  struct bl_error *why)
{
	struct clock *clock = calloc(1, sizeof(*clock));

	if (!clock)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	clock->store = store;
	pthread_mutex_init(&clock->mutex, NULL);

	enum bl_status status = open_memory(clock, why);

	if (status != BL_OK) {
		pthread_mutex_destroy(&clock->mutex);
		free(clock);
		return status;
	}
	/* What cannot be written now the first tick writes, or tells. */
	(void)!look(clock, &clock->pending, NULL);
	*out_clock = clock;
	return BL_OK;
}

void clock_close(struct clock *clock)
{
	enum clock_news news;

	if (!clock)
		return;
	/* However little passed. */
	clock->is_unkept = true;
	(void)!look(clock, &news, NULL);
	pthread_mutex_destroy(&clock->mutex);
	free(clock);
}

enum bl_status clock_tick(struct clock *clock, enum clock_news *out_news, struct bl_error *why)
{
	enum clock_news news;

	pthread_mutex_lock(&clock->mutex);

	enum bl_status status = look(clock, &news, why);

	if (news == CLOCK_NOTHING)
		news = clock->pending;
	clock->pending = CLOCK_NOTHING;
	pthread_mutex_unlock(&clock->mutex);
	if (out_news)
		*out_news = news;
	return status;
}

/* ---- asking ------------------------------------------------------------------------------------------------ */

static int64_t trusted_at(const struct clock *clock, int64_t boot_ms)
{
	int64_t now = (atomic_load(&clock->offset_ms) + boot_ms) / 1000;

	return BL_MAX(now, atomic_load(&clock->floor_unix));
}

int64_t clock_trusted(const struct clock *clock)
{
	int64_t wall_unix, boot_ms;

	clock_read(&wall_unix, &boot_ms);
	return trusted_at(clock, boot_ms);
}

int64_t clock_access(const struct clock *clock)
{
	int64_t wall_unix, boot_ms;

	clock_read(&wall_unix, &boot_ms);
	return BL_MAX(within(wall_unix, CLOCK_LIMIT), trusted_at(clock, boot_ms));
}

/* The mutex of who only asks is no less one. */
static pthread_mutex_t *mutex_of(const struct clock *clock)
{
	return (pthread_mutex_t *)&clock->mutex;
}

static bool is_waiting(const struct clock_memory *memory)
{
	return memory->last.wall_unix - memory->trusted_unix > CLOCK_DRIFT;
}

/* As a look at this moment would have it, without deciding anything. */
static int64_t waited_at(const struct clock_memory *memory, int64_t boot_ms)
{
	if (!is_waiting(memory))
		return 0;

	int64_t since = within((boot_ms - memory->last.boot_ms) / 1000, CLOCK_WAIT);

	return BL_MIN(memory->waited_s + since, CLOCK_WAIT);
}

void clock_state(const struct clock *clock, struct clock_state *out_state)
{
	int64_t wall_unix, boot_ms;

	pthread_mutex_lock(mutex_of(clock));
	clock_read(&wall_unix, &boot_ms);

	int64_t trusted_unix = trusted_at(clock, boot_ms);
	int64_t ahead = within(wall_unix, CLOCK_LIMIT) - trusted_unix;
	bool is_in_step = ahead <= CLOCK_DRIFT && ahead >= -CLOCK_DRIFT;

	*out_state = (struct clock_state){
		.trusted_unix = trusted_unix,
		.wall_unix = wall_unix,
		.ahead_s = is_in_step ? 0 : ahead,
		.waited_s = waited_at(&clock->memory, boot_ms),
		.is_synchronised = clock->memory.last.is_synchronised,
	};
	pthread_mutex_unlock(mutex_of(clock));
}

int64_t clock_wait(const struct clock *clock)
{
	int64_t wall_unix, boot_ms, wait = INT64_MAX;

	pthread_mutex_lock(mutex_of(clock));
	clock_read(&wall_unix, &boot_ms);
	if (is_waiting(&clock->memory))
		wait = CLOCK_WAIT - waited_at(&clock->memory, boot_ms);
	pthread_mutex_unlock(mutex_of(clock));
	return wait;
}
