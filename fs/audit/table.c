#include "fs/audit/table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define DAY    86400
#define HOUR   3600
#define MINUTE 60

/* ---- what each table is about ---------------------------------------------------------------- */

enum part { PART_NONE, PART_DAY, PART_HOUR };

static const struct {
	const char *name;
	bool is_of_accesses; /* else of all ops */
	int verdict;	     /* -1: any */
	bool has_device, has_rule;
	enum part part;
} TABLES[AUDIT_TABLE_COUNT] = {
	[AUDIT_TABLE_ACCESSES] = {"accesses", true, -1, true, false, PART_NONE},
	[AUDIT_TABLE_WHO] = {"who", true, AUDIT_PERMITTED, true, false, PART_NONE},
	[AUDIT_TABLE_DENIED] = {"denied", false, AUDIT_DENIED, true, true, PART_NONE},
	[AUDIT_TABLE_VOLUME] = {"volume", true, -1, false, false, PART_DAY},
	[AUDIT_TABLE_OFF_HOURS] = {"off-hours", true, -1, false, false, PART_DAY},
	[AUDIT_TABLE_READERS] = {"readers", false, AUDIT_PERMITTED, true, false, PART_NONE},
	[AUDIT_TABLE_HOURS] = {"hours", true, -1, true, false, PART_HOUR},
};

const char *audit_table_name(enum audit_table table)
{
	return (unsigned)table < AUDIT_TABLE_COUNT ? TABLES[table].name : "unknown";
}

bool audit_table_parse(const char *name, enum audit_table *out)
{
	for (unsigned i = 0; i < AUDIT_TABLE_COUNT; i++) {
		if (strcmp(name, TABLES[i].name) == 0) {
			*out = (enum audit_table)i;
			return true;
		}
	}
	return false;
}

bool table_is_access(enum audit_op op)
{
	return (op >= AUDIT_LOOKUP && op <= AUDIT_READ) || op == AUDIT_SHOWN;
}

void table_measure(enum audit_op op, enum audit_verdict verdict, uint64_t bytes,
		   uint64_t *out_bytes, uint64_t *out_unmasked)
{
	bool is_given = verdict == AUDIT_PERMITTED && (op == AUDIT_READ || op == AUDIT_SHOWN);

	*out_bytes = is_given ? BL_MIN(bytes, TABLE_MOST) : 0;
	*out_unmasked = verdict == AUDIT_PERMITTED && op == AUDIT_OPEN && bytes;
}

/* Requests by which somebody sees what is in the log, by what the service says of them. */
static bool is_reading(const struct table_fact *fact)
{
	static const char *const NAMES[] = {"log-query", "log-follow", "log-report", "log-name-key",
					    "device-report"};

	for (size_t i = 0; fact->op == AUDIT_ADMIN && fact->detail && i < BL_COUNT(NAMES); i++)
		if (strncmp(fact->detail, NAMES[i], strlen(NAMES[i])) == 0)
			return true;
	return false;
}

/* ---- time ------------------------------------------------------------------------------------ */

int64_t table_floor(int64_t value, int64_t unit)
{
	int64_t rest = value % unit;

	return value - (rest < 0 ? rest + unit : rest);
}

uint64_t table_sum(uint64_t a, uint64_t b)
{
	return BL_MIN(a + b, TABLE_MOST);
}

static const struct audit_hours USUAL = {.from_minute = 8 * 60, .to_minute = 18 * 60, .days = 0x1f};

static int64_t offset_at(const struct audit_hours *hours, int64_t at_unix)
{
	return hours->offset ? hours->offset(hours->context, at_unix) : 0;
}

/* What a clock on the wall shows. Nanoseconds in 64 bits are some 300 years: no sum of them overflows as seconds. */
static int64_t wall_at(const struct audit_hours *hours, int64_t at_unix)
{
	return at_unix + offset_at(hours, at_unix);
}

/* Between @from and @to of a day that counts; over midnight it is the evening's day that does. */
static bool is_off(const struct audit_hours *hours, int64_t at_unix)
{
	int64_t wall = wall_at(hours, at_unix), day = table_floor(wall, DAY);
	unsigned minute = (unsigned)((wall - day) / MINUTE);
	unsigned weekday = (unsigned)(((day / DAY + 3) % 7 + 7) % 7); /* the epoch: a Thursday */
	unsigned before = (weekday + 6) % 7;
	bool counts = hours->days >> weekday & 1, counts_before = hours->days >> before & 1;

	if (hours->from_minute <= hours->to_minute)
		return !counts || minute < hours->from_minute || minute >= hours->to_minute;
	return !(counts && minute >= hours->from_minute) &&
	       !(counts_before && minute < hours->to_minute);
}

/* The day on the wall, or the hour's begin. */
static int64_t part_of(const struct audit_hours *hours, enum part part, int64_t at_unix)
{
	int64_t wall = wall_at(hours, at_unix);

	switch (part) {
	case PART_DAY:
		return table_floor(wall, DAY);
	case PART_HOUR:
		return at_unix - (wall - table_floor(wall, HOUR));
	case PART_NONE:
		break;
	}
	return 0;
}

/* A midnight on the wall as a moment: by the day alone, so that it is the same whatever happened on it. */
static int64_t midnight(const struct audit_hours *hours, int64_t day)
{
	return day - offset_at(hours, day - offset_at(hours, day));
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct key {
	int64_t part;
	uint64_t sequence; /* of tables of records */
	uint32_t uid, zero;
	char device[BL_DEVICE_ID_SIZE], rule[BL_RULE_ID_SIZE];
};
_Static_assert(sizeof(struct key) == 24 + BL_DEVICE_ID_SIZE + BL_RULE_ID_SIZE,
	       "keys are compared as bytes");

struct kept {
	struct key key;
	uint64_t events, denied, withheld, bytes, devices, unmasked;
	uint64_t first_sequence, last_sequence;
	int64_t first_unix, last_unix;
	char *detail;
};

/* Each key once: open addressing over indices. */
struct set {
	struct kept *items;
	uint32_t *slots; /* index + 1; 0: free */
	size_t count, room, slot_count;
	size_t newest; /* found last: what is alike comes together */
};

struct table {
	enum audit_table kind;
	const struct audit_hours *hours;
	uint8_t hash_key[crypto_shorthash_KEYBYTES]; /* ids come from outside */
	struct set rows, devices; /* devices: of each row, where they are counted */
};

static size_t slot_of(const struct table *table, const struct set *set, const struct key *key)
{
	uint8_t hash[crypto_shorthash_BYTES];
	size_t at;

	crypto_shorthash(hash, (const uint8_t *)key, sizeof(*key), table->hash_key);
	for (at = bl_get64(hash) & (set->slot_count - 1); set->slots[at];
	     at = (at + 1) & (set->slot_count - 1))
		if (memcmp(&set->items[set->slots[at] - 1].key, key, sizeof(*key)) == 0)
			break;
	return at;
}

static bool grow(const struct table *table, struct set *set)
{
	size_t room = set->room ? 2 * set->room : 64;
	struct kept *items = reallocarray(set->items, room, sizeof(*items));

	if (!items)
		return false;
	set->items = items;

	uint32_t *slots = room < UINT32_MAX / 2 ? calloc(2 * room, sizeof(*slots)) : NULL;

	if (!slots)
		return false;
	free(set->slots);
	set->slots = slots;
	set->slot_count = 2 * room;
	set->room = room;
	for (size_t i = 0; i < set->count; i++)
		slots[slot_of(table, set, &items[i].key)] = (uint32_t)i + 1;
	return true;
}

/* NULL: no memory. *out_is_new: it was not there */
static struct kept *find(const struct table *table, struct set *set, const struct key *key,
			 bool *out_is_new)
{
	*out_is_new = false;
	if (set->newest < set->count &&
	    memcmp(&set->items[set->newest].key, key, sizeof(*key)) == 0)
		return &set->items[set->newest];
	if (set->count == set->room && !grow(table, set))
		return NULL;

	size_t at = slot_of(table, set, key);

	*out_is_new = !set->slots[at];
	if (*out_is_new) {
		set->items[set->count] = (struct kept){.key = *key};
		set->slots[at] = (uint32_t)++set->count;
	}
	set->newest = set->slots[at] - 1;
	return &set->items[set->newest];
}

static void set_done(struct set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->items[i].detail);
	free(set->items);
	free(set->slots);
}

enum bl_status table_new(enum audit_table kind, const struct audit_hours *hours,
			 struct table **out_table, struct bl_error *why)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return bl_fail(why, BL_NO_MEMORY, "cannot count: out of memory");
	table->kind = kind;
	table->hours = hours ? hours : &USUAL;
	crypto_shorthash_keygen(table->hash_key);
	*out_table = table;
	return BL_OK;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	set_done(&table->rows);
	set_done(&table->devices);
	free(table);
}

bool table_is_even(const struct table *table, int64_t from_unix)
{
	const struct audit_hours *hours = table->hours;
	enum part part = TABLES[table->kind].part;
	int64_t last = from_unix + TABLE_QUARTER - 1, offset;

	if (part == PART_NONE)
		return true;
	offset = wall_at(hours, from_unix) - from_unix;
	if (offset % MINUTE || offset != wall_at(hours, last) - last ||
	    part_of(hours, part, from_unix) != part_of(hours, part, last))
		return false;
	if (table->kind != AUDIT_TABLE_OFF_HOURS)
		return true;
	for (int64_t at = from_unix + MINUTE; at < last; at += MINUTE)
		if (is_off(hours, at) != is_off(hours, from_unix))
			return false;
	return true;
}

int table_verdict(const struct table *table)
{
	return TABLES[table->kind].verdict;
}

static bool speaks_of(const struct table *table, const struct table_fact *fact)
{
	if ((TABLES[table->kind].is_of_accesses && !table_is_access(fact->op)) ||
	    (TABLES[table->kind].verdict != -1 &&
	     TABLES[table->kind].verdict != (int)fact->verdict))
		return false;
	if (table->kind == AUDIT_TABLE_READERS)
		return is_reading(fact);
	return table->kind != AUDIT_TABLE_OFF_HOURS || is_off(table->hours, fact->first_unix);
}

static void count(struct kept *row, const struct table_fact *fact, bool is_new)
{
	row->events += fact->events;
	if (fact->verdict == AUDIT_DENIED)
		row->denied += fact->events;
	if (fact->verdict == AUDIT_WITHHELD)
		row->withheld += fact->events;
	row->unmasked += fact->unmasked;
	row->bytes = table_sum(row->bytes, fact->bytes);
	if (is_new || fact->first_sequence < row->first_sequence) {
		row->first_sequence = fact->first_sequence;
		row->first_unix = fact->first_unix;
	}
	if (is_new || fact->last_sequence > row->last_sequence) {
		row->last_sequence = fact->last_sequence;
		row->last_unix = fact->last_unix;
	}
}

enum bl_status table_add(struct table *table, const struct table_fact *fact, struct bl_error *why)
{
	struct key key = {.uid = fact->uid};
	bool is_new, is_new_device = false;

	if (!speaks_of(table, fact))
		return BL_OK;
	key.part = part_of(table->hours, TABLES[table->kind].part, fact->first_unix);
	if (TABLES[table->kind].has_device)
		memcpy(key.device, fact->device, strnlen(fact->device, BL_DEVICE_ID_SIZE - 1));
	if (TABLES[table->kind].has_rule)
		memcpy(key.rule, fact->rule, strnlen(fact->rule, BL_RULE_ID_SIZE - 1));
	if (table->kind == AUDIT_TABLE_READERS)
		key.sequence = fact->first_sequence;

	struct kept *row = find(table, &table->rows, &key, &is_new);

	if (row && is_new && fact->detail && table->kind == AUDIT_TABLE_READERS &&
	    !(row->detail = strdup(fact->detail)))
		row = NULL;
	if (row)
		count(row, fact, is_new);
	if (row && table->kind == AUDIT_TABLE_VOLUME) {
		memcpy(key.device, fact->device, strnlen(fact->device, BL_DEVICE_ID_SIZE - 1));
		if (!find(table, &table->devices, &key, &is_new_device))
			row = NULL;
		else
			row->devices += is_new_device && key.device[0];
	}
	return row ? BL_OK : bl_fail(why, BL_NO_MEMORY, "cannot count: out of memory");
}

enum bl_status table_add_record(struct table *table, const struct audit_record *record,
				struct bl_error *why)
{
	const struct audit_event *event = &record->event;
	int64_t at = audit_record_unix(record);
	struct table_fact fact = {.uid = event->uid,
				  .op = event->op,
				  .verdict = event->verdict,
				  .device = event->device,
				  .rule = event->rule,
				  .detail = event->detail,
				  .events = (uint64_t)event->repeats + 1,
				  .first_sequence = record->sequence,
				  .last_sequence = record->sequence,
				  .first_unix = at,
				  .last_unix = at};

	table_measure(event->op, event->verdict, event->bytes, &fact.bytes, &fact.unmasked);
	return table_add(table, &fact, why);
}

/* ---- telling --------------------------------------------------------------------------------- */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int in_order(const struct kept *a, const struct kept *b, enum audit_table kind)
{
	switch (kind) {
	case AUDIT_TABLE_ACCESSES:
		return COMPARE(b->last_sequence, a->last_sequence);
	case AUDIT_TABLE_WHO:
		return COMPARE(a->first_sequence, b->first_sequence);
	case AUDIT_TABLE_DENIED:
		return COMPARE(b->events, a->events);
	case AUDIT_TABLE_VOLUME:
		return a->key.part != b->key.part ? COMPARE(a->key.part, b->key.part)
						  : COMPARE(b->bytes, a->bytes);
	case AUDIT_TABLE_READERS:
		return COMPARE(b->key.sequence, a->key.sequence);
	case AUDIT_TABLE_OFF_HOURS:
	case AUDIT_TABLE_HOURS:
	case AUDIT_TABLE_COUNT:
		break;
	}
	return COMPARE(a->key.part, b->key.part);
}

static int compare(const void *left, const void *right, void *context)
{
	const struct table *table = context;
	const struct kept *a = &table->rows.items[*(const uint32_t *)left];
	const struct kept *b = &table->rows.items[*(const uint32_t *)right];
	int order = in_order(a, b, table->kind);

	if (!order)
		order = COMPARE(a->key.uid, b->key.uid);
	if (!order)
		order = strcmp(a->key.device, b->key.device);
	return order ? order : strcmp(a->key.rule, b->key.rule);
}

static void fill_row(const struct table *table, const struct kept *kept, struct audit_row *out)
{
	*out = (struct audit_row){.table = table->kind,
				  .day_unix = kept->key.part,
				  .uid = kept->key.uid,
				  .events = kept->events,
				  .denied = kept->denied,
				  .withheld = kept->withheld,
				  .bytes = kept->bytes,
				  .devices = kept->devices,
				  .unmasked = kept->unmasked,
				  .first_sequence = kept->first_sequence,
				  .last_sequence = kept->last_sequence,
				  .first_unix = kept->first_unix,
				  .last_unix = kept->last_unix};
	if (TABLES[table->kind].part == PART_DAY)
		out->day_unix = midnight(table->hours, kept->key.part);
	memcpy(out->device, kept->key.device, BL_DEVICE_ID_SIZE);
	memcpy(out->rule, kept->key.rule, BL_RULE_ID_SIZE);
	if (kept->detail)
		memcpy(out->detail, kept->detail, strnlen(kept->detail, AUDIT_DETAIL_SIZE - 1));
}

enum bl_status table_tell(const struct table *table, uint64_t last, audit_row_fn *tell,
			  void *context, struct bl_error *why)
{
	size_t rows = table->rows.count;
	BL_CLEANUP(bl_free) uint32_t *order = calloc(rows + 1, sizeof(*order));

	if (!order)
		return bl_fail(why, BL_NO_MEMORY, "cannot count: out of memory");
	for (size_t i = 0; i < rows; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, rows, sizeof(*order), compare, (void *)(uintptr_t)table);
	for (size_t i = 0; i < rows && (last == 0 || i < last); i++) {
		struct audit_row row;

		fill_row(table, &table->rows.items[order[i]], &row);
		if (!tell(context, &row))
			break;
	}
	return BL_OK;
}

/* ---- without an index ------------------------------------------------------------------------ */

struct counting {
	struct table *table;
	const struct audit_query *query;
	enum bl_status status;
	struct bl_error *why;
};

static bool count_record(void *context, const struct audit_record *record)
{
	struct counting *counting = context;
	const struct audit_query *query = counting->query;

	if (query->last_sequence && record->sequence > query->last_sequence)
		return false;
	if (audit_query_matches(query, record))
		counting->status = table_add_record(counting->table, record, counting->why);
	return counting->status == BL_OK;
}

enum bl_status audit_count_table(int log_fd, enum audit_table kind, const struct audit_query *query,
				 const struct audit_hours *hours, audit_row_fn *tell, void *context,
				 struct bl_error *why)
{
	BL_CLEANUP(table_free) struct table *table = NULL;
	struct counting counting = {.query = query, .why = why};
	enum bl_status status = table_new(kind, hours, &table, why);

	if (status != BL_OK)
		return status;
	counting.table = table;
	status = audit_scan_from(log_fd, query->first_sequence, count_record, &counting, why);
	if (counting.status != BL_OK)
		return counting.status;
	if (status != BL_OK && status != BL_TAMPERED)
		return status;

	enum bl_status told = table_tell(table, query->last, tell, context, NULL);

	return told != BL_OK ? bl_fail(why, told, "cannot count: out of memory") : status;
}
