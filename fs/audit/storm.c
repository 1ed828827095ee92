#include "fs/audit/storm.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(((struct storms *)0)->key) == crypto_shorthash_siphashx24_KEYBYTES,
	       "the key is SipHash's");
_Static_assert(sizeof(((struct storms *)0)->kinds[0]) == crypto_shorthash_siphashx24_BYTES,
	       "a kind is told by 128 bits");

/* What makes a kind, as bytes: five numbers, the token, and the two texts with their ends. */
#define KIND_SIZE (8u + 4u * 4u + AUDIT_TOKEN + BL_DEVICE_ID_SIZE + BL_RULE_ID_SIZE)

void storms_init(struct storms *storms)
{
	memset(storms, 0, sizeof(*storms));
	randombytes_buf(storms->key, sizeof(storms->key));
}

/* The text up to its NUL only: what lies behind it is nobody's. */
static uint8_t *put_text(uint8_t *at, const char *text, size_t size)
{
	size_t length = strnlen(text, size - 1);

	memcpy(at, text, length);
	at[length] = 0;
	return at + length + 1;
}

static void kind_key(const struct storms *storms, const struct audit_event *event,
		     uint64_t out_key[2])
{
	uint8_t bytes[KIND_SIZE];
	uint8_t *at = bytes;

	bl_put64(at, event->view);
	bl_put32(at + 8, event->uid);
	bl_put32(at + 12, (uint32_t)event->op);
	bl_put32(at + 16, (uint32_t)event->verdict);
	bl_put32(at + 20, event->error_number);
	memcpy(at + 24, event->token, AUDIT_TOKEN);
	at = put_text(at + 24 + AUDIT_TOKEN, event->device, sizeof(event->device));
	at = put_text(at, event->rule, sizeof(event->rule));
	crypto_shorthash_siphashx24((uint8_t *)out_key, bytes, (size_t)(at - bytes), storms->key);
}

/* ---- places ---------------------------------------------------------------------------------- */

static struct storm *find(struct storms *storms, const uint64_t key[2])
{
	for (unsigned i = 0; i < STORM_KINDS; i++) {
		const uint64_t *kind = storms->kinds[i];

		if (kind[0] == key[0] && kind[1] == key[1] && storms->items[i].is_taken)
			return &storms->items[i];
	}
	return NULL;
}

/*
 * May another kind have this place? Nobody may wait there. And each kind keeps it for a moment, or two of them could
 * take it from each other for ever, and neither would be seen to be a storm.
 */
static bool is_free(const struct storm *storm, int64_t now_ns)
{
	return !storm->is_taken ||
	       (!storm->gathered && (now_ns - storm->taken_ns >= STORM_DELAY_NS ||
				     now_ns - storm->last_ns >= STORM_QUIET_NS));
}

/* How many of them there were lately. */
static uint64_t weight(const struct storm *storm, int64_t now_ns)
{
	if (!storm->is_taken || now_ns - storm->last_ns >= STORM_QUIET_NS)
		return 0;
	return (uint64_t)storm->count + storm->before;
}

/*
 * A place for one more kind: of the one that was seen least, and of those of the one that was seen last the longest ago.
 * Whoever holds all places with kinds that come now and then loses one to the kind that comes all the time, storm or not.
 */
static struct storm *make_room(struct storms *storms, int64_t now_ns)
{
	struct storm *least = NULL;
	uint64_t least_weight = 0;

	for (unsigned i = 0; i < STORM_KINDS; i++) {
		struct storm *storm = &storms->items[i];
		uint64_t its = weight(storm, now_ns);

		if (!is_free(storm, now_ns))
			continue;
		if (!least || its < least_weight ||
		    (its == least_weight && storm->last_ns < least->last_ns)) {
			least = storm;
			least_weight = its;
		}
	}
	return least;
}

static struct storm *find_or_make(struct storms *storms, const uint64_t key[2], int64_t now_ns)
{
	struct storm *storm = find(storms, key);

	if (storm)
		return storm;
	storm = make_room(storms, now_ns);
	if (!storm)
		return NULL;
	memcpy(storms->kinds[storm - storms->items], key, sizeof(storms->kinds[0]));
	*storm = (struct storm){
		.taken_ns = now_ns, .begun_ns = now_ns, .last_ns = now_ns, .is_taken = true};
	return storm;
}

/* ---- counting and gathering ------------------------------------------------------------------ */

static void count_one(struct storm *storm, int64_t now_ns)
{
	if (now_ns - storm->last_ns >= STORM_QUIET_NS) {
		storm->is_storm = false;
		storm->count = 0;
	}
	if (now_ns - storm->begun_ns >= STORM_QUIET_NS) {
		storm->before = storm->count;
		storm->count = 0;
		storm->begun_ns = now_ns;
	}
	storm->count += storm->count < UINT32_MAX;
	storm->is_storm = storm->is_storm || storm->count > STORM_FREE;
	storm->last_ns = now_ns;
}

static bool gather(struct storms *storms, struct storm *storm, const struct audit_event *event,
		   int64_t now_ns, struct audit_ticket *ticket)
{
	/* Its record can count no more: this one is told alone, and the record is due at once. */
	if (storm->gathered == UINT32_MAX) {
		storm->gathered_ns = BL_MIN(storm->gathered_ns, now_ns - STORM_DELAY_NS);
		return false;
	}
	if (!storm->gathered) {
		storms->events[storm - storms->items] = *event;
		storm->gathered_ns = now_ns;
		storm->end = &storm->first;
		storms->gathered++;
	}
	storm->gathered++;
	ticket->next = NULL;
	*storm->end = ticket;
	storm->end = &ticket->next;
	return true;
}

bool storms_take(struct storms *storms, const struct audit_event *event, int64_t boottime_ns,
		 struct audit_ticket *ticket)
{
	uint64_t key[2];

	if (event->verdict == AUDIT_PERMITTED || !event->view)
		return false;
	kind_key(storms, event, key);

	struct storm *storm = find_or_make(storms, key, boottime_ns);

	if (!storm)
		return false;
	/* Clocks are read before the lock: a little older than the newest is no going back. */
	int64_t now_ns = BL_MAX(boottime_ns, storm->last_ns);

	count_one(storm, now_ns);
	if (!storm->is_storm && !storm->gathered)
		return false;
	return gather(storms, storm, event, now_ns, ticket);
}

/* ---- telling --------------------------------------------------------------------------------- */

static const struct storm *oldest(const struct storms *storms)
{
	const struct storm *first = NULL;

	for (unsigned i = 0; storms->gathered && i < STORM_KINDS; i++) {
		const struct storm *storm = &storms->items[i];

		if (storm->gathered && (!first || storm->gathered_ns < first->gathered_ns))
			first = storm;
	}
	return first;
}

int64_t storms_due(const struct storms *storms)
{
	const struct storm *storm = oldest(storms);

	return storm ? storm->gathered_ns + STORM_DELAY_NS : INT64_MAX;
}

bool storms_next(struct storms *storms, int64_t boottime_ns, struct audit_event *out_event,
		 struct audit_ticket **out_tickets)
{
	const struct storm *found = oldest(storms);

	if (!found || found->gathered_ns + STORM_DELAY_NS > boottime_ns)
		return false;

	struct storm *storm = &storms->items[found - storms->items];

	*out_event = storms->events[storm - storms->items];
	out_event->repeats = storm->gathered - 1;
	*out_tickets = storm->first;
	storm->first = NULL;
	storm->end = &storm->first;
	storm->gathered = 0;
	storms->gathered--;
	return true;
}
