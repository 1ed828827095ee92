/* private.h - what the files of the gate share
 *
 * Locks, outermost first. Nothing of the image, the store, NSS or the log is waited for under any of them but the first
 * and the two that say so:
 *   gate.change_lock       one change of policy, devices or people at a time; may wait for the store, NSS and the image
 *   gate_view.notice_lock  the words of the view's own notice
 *   gate_file.look_lock    one part of a file that is looked through; waits for the image
 *   gate.people_lock       who the persons are and what they may: subjects are made under it
 *   gate_device.lock       tree, places, files
 *   gate.policy_lock       read: decide; write: swap policy, subjects, facts, the lists of views and devices
 *   gate_view.lock         the list of handles
 *   gate_handle.lock       one handle's file, styles and epoch
 *   aheads.lock            what is read before it is asked for
 *   gate_usage.lock        what one person has used up
 *   gate_view.refused_lock why a session was refused contents
 *   gate.looks_lock        the list of devices that were looked into
 *   gate_spans.lock        the span cache
 *   gate_device.harvest_lock  whether who is known on it is being found out; gate.unwritten_lock: what could not be written of that
 *   gate_kept.lock         what is kept of one device, and what waits to be written
 * Who writes under policy_lock swaps pointers and numbers and no more: every request waits for it. So gate_device.lock,
 * under which a tree may grow by many names, is never waited for under it.
 * A gate_device lives while somebody holds a reference; requests hold one while they work, never while they wait
 * for the log.
 */
#ifndef FS_GATE_PRIVATE_H
#define FS_GATE_PRIVATE_H

#include "fs/gate/gate.h"
#include "fs/vault/vault.h"
#include "policy/mask/mask.h"

#include <pthread.h>
#include <stdatomic.h>

#define GATE_ENTRIES (4u << 20) /* known entries of one device, at most */
#define GATE_DEPTH   512u	/* directories deeper than this are not listed */
#define GATE_LINKS   256u	/* different places of one file that a decision can take in */
#define GATE_LINKS_SEEN                                                                            \
	65536u /* known paths of one file that it can look at: beyond either, nothing is permitted */
#define GATE_FILES	 256u	      /* files kept open per device without a handle, at most */
#define GATE_PATH	 8192u	      /* bytes of a path inside a device */
#define GATE_SPANS	 (8u << 20)   /* bytes of cached spans of all devices */
#define GATE_SCRATCHES	 8u	      /* reads that need a work buffer of ours at one time */
#define GATE_AHEADS	 4u	      /* parts of files that wait to be asked for */
#define GATE_AHEAD_LEAST (256u << 10) /* a read of less is not worth a part of its own */
#define GATE_WINDOWS	 (GATE_READ_LIMIT / DETECT_WINDOW + 1) /* touched by one read, at most */
#define GATE_LOOK_MS	 10000	     /* an open looks through a file for so long, at most */
#define GATE_LIST_STEP	 256u	     /* entries listed before who changes the policy gets a turn */
#define ROOT_NOTICE_NODE UINT64_C(2) /* beside GATE_ROOT: a file of our own words */
#define ROOT_NOTICE_NAME "READ ME.txt" /* holds a space: no device id */
#define ROOT_NOTICE_SIZE 32768u	       /* bytes of its words, at most */

#define RULE_ONE_PERSON "builtin/one-view-one-person"
#define RULE_OUTSIDE	"builtin/outside-session"
#define RULE_UNSCANNED	"builtin/unscanned"
#define RULE_LINKS	"builtin/too-many-links"
#define RULE_GATE	"gate"
#define RULE_WALK	"builtin/walk"
#define RULE_READ_ONLY	"builtin/read-only"
#define RULE_NOTICE	"builtin/notice"
#define RULE_ANCHOR	"builtin/not-anchored"

/* ---- tree: what is known of a device's files, directory by directory --------------------------- */

enum entry_kind {
	ENTRY_DEVICE,	  /* entry 0; of a directory source also the root of its volume */
	ENTRY_VOLUME,	  /* a partition's root */
	ENTRY_UNREADABLE, /* a partition that cannot be read: holds a notice */
	ENTRY_NOTICE,	  /* a file of our own words */
	ENTRY_IMAGE,	  /* anything of the image */
};

enum entry_load { LOAD_NONE, LOAD_BUSY, LOAD_READY };

/* Personal data found in one name. */
struct name_find {
	uint64_t node_id; /* what the mark is made of */
	struct detect_spans spans;
};

struct gate_file;
struct file_walk;

struct entry {
	uint64_t inode;
	uint64_t identity;	/* of the file behind it, the same under all its names */
	const char *name;	/* NUL-terminated, in one of the tree's blocks */
	struct name_find *find; /* NULL: nothing found in the name */
	struct gate_file *file; /* while it is among the device's kept files */
	struct image_attr attr;
	uint32_t id, parent;
	uint32_t
		named_in; /* the segment of the log that has its path for auditors, cut to 32 bits; 0: none yet */
	uint32_t first, count; /* children, when LOAD_READY: ids first .. first + count - 1 */
	uint32_t next_link;    /* ring of the entries of the same file; itself when alone */
	rules_place place;
	uint32_t place_generation; /* 0: none yet */
	uint16_t volume;
	uint16_t depth;
	uint8_t length; /* of the name */
	uint8_t kind;	/* enum entry_kind */
	uint8_t load;	/* enum entry_load */
};

struct index_slot {
	uint32_t hash, id; /* id 0: free (entry 0 is never indexed) */
};
struct tree_index {
	struct index_slot *slots;
	size_t room, used;
};

/* A directory's entries as they come from the image, before they are in the tree. */
struct fresh_entry {
	uint64_t inode, identity;
	size_t name; /* offset in names */
	uint8_t length, kind;
	uint16_t volume;
	struct image_attr attr;
	struct name_find *find;
};
struct fresh {
	struct fresh_entry *items;
	size_t count, room;
	char *names;
	size_t names_length, names_room;
	enum bl_status status; /* of collecting */
};
void fresh_done(struct fresh *fresh);
/* fresh_add - append; false (and status set) when there is no memory */
bool fresh_add(struct fresh *fresh, const struct image_entry *entry, unsigned volume,
	       enum entry_kind kind);

struct tree;
struct tree *tree_new(void);
void tree_free(struct tree *tree); /* wipes names */
BL_DEFINE_CLEANUP(struct tree, tree_free)
uint32_t tree_count(const struct tree *tree);
struct entry *tree_entry(const struct tree *tree, uint32_t id); /* NULL: no such entry */
/*
 * tree_install - make @fresh the children of @parent; takes its names and finds
 *
 * A name that is there twice is kept once. @mark_key makes the marks of names with finds. BL_OK, BL_TOO_LARGE, BL_NO_MEMORY.
 */
enum bl_status tree_install(struct tree *tree, struct entry *parent, struct fresh *fresh,
			    const uint8_t mark_key[MASK_KEY]) BL_MUST_CHECK;
struct entry *tree_find_name(const struct tree *tree, uint32_t parent, const char *name,
			     size_t length);
struct entry *tree_find_mark(const struct tree *tree, uint32_t parent, const char *mark,
			     const uint8_t mark_key[MASK_KEY]);
/* tree_path - "partition/path" as tokens are made of; false when it is longer than GATE_PATH */
bool tree_path(const struct tree *tree, const struct entry *entry, const char *child,
	       char out[GATE_PATH], size_t *out_length);

/* ---- spans: what was found in the windows of files --------------------------------------------- */

/*
 * A span in eight bytes: offset from span_base() (18 bits), length (18 bits), class (8), is_sure (1), and in the cache whether
 * it is the first of a chain of spans that overlap (1). What begins before the
 * base or is longer than the bits is cut: it is longer than a margin either way, and so filled.
 */
typedef uint64_t packed_span;
uint64_t span_base(uint64_t window);
packed_span span_pack(const struct detect_span *span, uint64_t base);
struct detect_span span_unpack(packed_span packed, uint64_t base);

struct window_spans {
	uint64_t serial, window; /* of the gate_file; index of the window */
	struct gate_device *device;
	atomic_uint refs;
	bool is_withheld; /* the scanner could not look into it */
	struct window_spans *chain, *newer, *older;
	size_t bytes;
	size_t count, piece_count; /* no pieces: plain UTF-8 text, masked without them */
	packed_span items[];	   /* pieces behind them: window_pieces */
};
const struct detect_piece *window_pieces(const struct window_spans *spans);

/* What is known of a window, as it was written: u64 spans, and pieces of 24 bytes (docs/format-spans.md). */
struct kept_window {
	uint64_t window;
	bool is_withheld;
	uint32_t span_count, piece_count;
	const uint8_t *spans, *pieces;
};

struct gate_spans {
	pthread_mutex_t lock;
	struct window_spans **buckets;
	struct window_spans *newest, *oldest;
	size_t bytes, limit;
};
enum bl_status spans_init(struct gate_spans *cache, size_t limit_bytes) BL_MUST_CHECK;
void spans_done(struct gate_spans *cache);
/* spans_get - what is known of a window, counted (spans_put); NULL: nothing */
struct window_spans *spans_get(struct gate_spans *cache, uint64_t serial, uint64_t window);
/* spans_keep - remember; the answer is counted. NULL: no memory. @pieces NULL or empty: plain UTF-8 text */
struct window_spans *spans_keep(struct gate_spans *cache, struct gate_device *device,
				uint64_t serial, uint64_t window, const struct detect_spans *found,
				const struct detect_pieces *pieces, bool is_withheld);
/* spans_keep_kept - the same of what was kept on the disk */
struct window_spans *spans_keep_kept(struct gate_spans *cache, struct gate_device *device,
				     uint64_t serial, const struct kept_window *kept);
/* spans_from - where to begin with what touches @offset or lies behind it: the first span of a chain */
size_t spans_from(const struct window_spans *spans, uint64_t offset);
void spans_put(struct window_spans *spans);
void spans_forget(struct gate_spans *cache, const struct gate_device *device);

/* ---- kept spans: the same, sealed beside the device (kept.c, docs/format-spans.md) ------------------ */

#define GATE_LOOK     32u /* bytes of the digest of what is looked for */
#define GATE_FILE_KEY 16u /* bytes: what a file is, and what was looked for in it */
#define GATE_KEPT     (UINT64_C(64) << 20) /* bytes of one device's, at most */
struct gate_kept;
/*
 * gate_kept_open - what lies in @folder (taken, closed in any case), and a thread that writes there
 *
 * @key   the device's VAULT_SPANS, in memory that outlives this
 * @look  what is looked for, for telling garbage
 * NULL: no memory. Never fails for what lies there: what does not verify is not there.
 */
struct gate_kept *gate_kept_open(int folder, const char *device, const uint8_t key[VAULT_KEY],
				 uint64_t look, uint64_t limit);
void gate_kept_close(struct gate_kept *kept); /* writes what waits; no read is under way any more */
bool gate_kept_has(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window);
/* gate_kept_windows - @window, and whatever of the same file lies in the same frame; nothing: it is not there. No lock is held by @tell */
typedef void gate_kept_fn(void *context, const struct kept_window *found);
void gate_kept_windows(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window,
		       gate_kept_fn *tell, void *context);
bool gate_kept_state(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window,
		     struct detect_state *out_state);
/* gate_kept_add, _add_state - to be written; never waits for the disk. What cannot be kept is dropped. */
void gate_kept_add(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY],
		   const struct window_spans *spans);
void gate_kept_add_state(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window,
			 const struct detect_state *state);
/* gate_kept_flush - wait until all that was added is written, or cannot be */
void gate_kept_flush(struct gate_kept *kept);

/* ---- who is known on a device (people.c, harvest.c) ------------------------------------------------- */

#define GATE_HARVEST_MS                                                                            \
	1500 /* so long a first look into a device waits for it; else names are masked anew when it ends */

/* A list of identities with its texts. */
struct gate_known {
	struct detect_identity *items;
	size_t count;
	char *text;
	size_t bytes;
};
void people_done(struct gate_known *known); /* wipes */
enum bl_status people_copy(const struct detect_identity *items, size_t count,
			   struct gate_known *out_known) BL_MUST_CHECK;
/* people_write, people_read - sealed under @key (VAULT_SPANS). read: BL_NOT_FOUND: there is none that can be believed; BL_NO_MEMORY */
enum bl_status people_write(int folder, const char *id, const uint8_t key[VAULT_KEY],
			    const struct gate_known *known) BL_MUST_CHECK;
enum bl_status people_read(int folder, const char *id, const uint8_t key[VAULT_KEY],
			   struct gate_known *out_known) BL_MUST_CHECK;

/*
 * harvest_known  - what is known already: nobody where no people are looked for. BL_OK, BL_NOT_FOUND (to be harvested), BL_NO_MEMORY
 * harvest_begin  - find out, in a thread. BL_OK: done, and kept; BL_TIMED_OUT: it goes on (device->is_pending), and whatever it finds the device
 *                  is renewed at the end; BL_STALE: the device is dropped; BL_NO_MEMORY
 * harvest_wait   - false: it is still under way after @limit_ms
 * harvest_percent - 100: it is not under way
 * harvest_end    - the device is dropped: stop, and wake who waits
 * harvest_forget - what is known in memory only (the device is destroyed)
 * harvests_done  - stop all and wait for them
 */
bool harvest_is_wanted(bl_classes classes);
enum bl_status harvest_known(struct gate_device *device, const uint8_t key[VAULT_KEY],
			     struct gate_known *out_known) BL_MUST_CHECK;
enum bl_status harvest_begin(struct gate_device *device, struct image *image,
			     struct gate_known *out_known) BL_MUST_CHECK;
bool harvest_wait(struct gate_device *device, int64_t limit_ms) BL_MUST_CHECK;
unsigned harvest_percent(const struct gate_device *device);
void harvest_end(struct gate_device *device);
void harvest_forget(struct gate *gate, const char *id);
void harvests_done(struct gate *gate);

/* Work buffers for reads: few, so that memory stays small; who finds none waits. */
struct scratch {
	struct scratch *next;
	uint8_t *bytes; /* GATE_READ_ROOM(GATE_READ_LIMIT); NULL until first needed */
	struct detect_spans spans;
	/* Of files that are not plain UTF-8 text; NULL and empty until first needed. */
	struct detect_pieces pieces;
	struct detect_work *work;
	uint8_t *lent; /* three times DETECT_LEAD */
};
struct scratch_pool {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct scratch *free;
	struct scratch items[GATE_SCRATCHES];
};
void scratch_pool_init(struct scratch_pool *pool);
void scratch_pool_done(struct scratch_pool *pool);
struct scratch *scratch_take(struct scratch_pool *pool);
void scratch_give(struct scratch_pool *pool, struct scratch *scratch);
/* scratch_bytes - its buffer; NULL: no memory */
uint8_t *scratch_bytes(struct scratch *scratch);

/* ---- reading ahead (ahead.c) --------------------------------------------------------------------- */

/*
 * Whoever reads a file from front to back gets the next part read and masked by the thread that has just given an answer to the log: while that
 * is written, and given, the other processor would have nothing to do. What lies here has been given to nobody. It is given to a read of the
 * same handle that was judged like any other, that has the same mask, and soon: then, and with an event of its own, or not at all.
 *
 * A file of which every window is known only: nothing is looked into, and nothing is counted, for a read that may never come.
 */
enum ahead_state {
	AHEAD_FREE,
	AHEAD_FILLING,
	AHEAD_READY,
	AHEAD_LENT, /* an answer lies in it, until it is given */
};
/* A part of a file, as one mask shows it to one handle. */
struct ahead_part {
	const struct gate_handle *owner; /* NULL: nobody will come for it */
	uint64_t serial;		 /* of the file */
	uint64_t offset;
	size_t size;
	struct mask mask;
};
struct ahead {
	struct aheads *pool;
	enum ahead_state state;
	struct ahead_part part;
	int64_t begun_ms;
	uint8_t *buffer; /* GATE_READ_ROOM(GATE_READ_LIMIT); NULL until first needed */
	const uint8_t *bytes;
	size_t length;
};
struct aheads {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int64_t fresh_ms;
	struct ahead items[GATE_AHEADS];
};
void aheads_init(struct aheads *aheads);
/* aheads_done - waits for those that are lent */
void aheads_done(struct aheads *aheads);
/* ahead_take - lent from here on, to ahead_give; waits for one that is being filled. NULL: there is none, or it is too old */
struct ahead *ahead_take(struct aheads *aheads, const struct ahead_part *part);
/* ahead_begin - room for the next part of a handle, to be filled at once; NULL: no room, or the handle has one already */
struct ahead *ahead_begin(struct aheads *aheads, const struct ahead_part *part);
void ahead_fill(struct ahead *ahead, struct gate_file *file);
void ahead_give(struct ahead *ahead);
/* ahead_drop - the handle reads no more, or may not */
void ahead_drop(struct aheads *aheads, const struct gate_handle *handle);

/* ---- devices ----------------------------------------------------------------------------------- */

struct device_keys {
	uint8_t mask[MASK_KEY];
	uint8_t names[VAULT_KEY]; /* of path tokens */
	uint8_t spans[VAULT_KEY]; /* of what is kept of its files */
	uint8_t index[VAULT_KEY]; /* of the keys under which */
};

/* Somebody who has approved something. Whether it counts depends on the roles they hold now. Never freed before the gate. */
struct gate_giver {
	struct gate_giver *next;
	uid_t uid;
	struct person *account; /* NULL: NSS could not tell who that is, and so of no role */
	uint64_t roles;		/* under the policy in force */
	int64_t valid_until;
	uint64_t coming_roles; /* under people_lock: what is to be swapped in */
	int64_t coming_until;
};

/* A request with approvals. Its path is kept as names, outermost first. */
struct gate_grant {
	const struct device_request *request;
	char *names; /* the path, NUL for '/' */
	size_t depth;
	const char *parts[GATE_DEPTH + 1];
	const struct gate_giver *givers[DEVICE_APPROVALS];
};

/* What the store knows of a device beside its image; immutable, swapped as a whole. */
struct gate_facts {
	enum bl_status status;	     /* but BL_OK: they cannot be read, and the device is closed */
	struct device_facts *record; /* NULL: nothing recorded */
	struct gate_grant *grants;
	size_t grant_count;
};

struct gate_device {
	struct gate *gate;
	struct gate_device *next;
	char id[BL_DEVICE_ID_SIZE];
	uint32_t slot; /* high half of its nodes; never used again */
	atomic_uint refs;
	bool *was_freed; /* told (under gate.freed_lock) when it is gone; NULL: nobody waits */
	/* Under policy_lock. */
	bool is_dropped; /* nothing of it is shown any more */
	enum bl_device_state state;
	struct gate_facts *facts;
	bool is_begun; /* what its scanner looks for, from before it is opened on */
	bl_classes classes;
	struct detect_custom *custom; /* counted; NULL: none */

	pthread_mutex_t lock;
	pthread_cond_t settled; /* a load has ended */
	enum bl_device_kind kind;
	int64_t since_unix; /* enrolment */
	struct tree *tree;
	struct image *image;   /* NULL: not open, or it cannot be opened */
	const char *trouble;   /* why it cannot be opened, static; NULL: it can */
	struct sealed *sealed; /* what a sealed device's image reads from; else NULL */
	struct detect_scanner *scanner;
	uint8_t looks_for[GATE_LOOK]; /* digest of what the scanner looks for */
	uint64_t stamp[3];	      /* of a raw image that lies in files: sizes, mtimes, ctimes */
	struct gate_kept *kept;	      /* NULL: nothing is kept */
	struct device_keys *keys;     /* in guarded memory; NULL: not open */
	struct rules_places *places, *old_places; /* old: to be freed by whoever set the policy */
	uint32_t places_generation;
	struct gate_file *newest, *oldest;
	size_t file_count;
	_Atomic(struct gate_look *) look; /* NULL: nobody has looked into it yet */
	/* Who is known on it is being found out: no contents until then. Changed under harvest_lock. */
	pthread_mutex_t harvest_lock;
	pthread_cond_t harvested;
	atomic_bool is_pending;
	atomic_bool is_ending; /* dropped: whoever works on it for long stops */
	atomic_uint_fast64_t harvest_listed, harvest_known; /* directories */
};

/* One file opened and looked at; kept for the next open. */
struct gate_file {
	struct gate_device *device; /* whoever holds the file for long holds the device too */
	atomic_uint refs;
	uint64_t serial; /* its spans are known by this */
	uint32_t entry;
	atomic_uint_fast32_t
		named_in; /* as the entry's: for reads, which do not look at the tree */
	struct image_file *file;
	uint64_t size_bytes;
	struct detect_profile profile;
	bool has_key; /* what is found in it is kept beside the device: */
	uint8_t key[GATE_FILE_KEY];
	struct gate_file *newer, *older;
	/* Looking the whole file through: all who open it go on where the last one stopped. */
	pthread_mutex_t look_lock;
	uint64_t looked; /* windows, in order; under look_lock */
	struct file_walk *
		walk; /* where the scanner stood, of a structured file; under look_lock. NULL: nowhere */
	atomic_uint_fast64_t scanned_bytes;	  /* looked into, not known from before */
	atomic_uint_fast64_t looked_bytes, found; /* found: classes so far */
	atomic_bool is_whole;			  /* all of it was looked through */
	atomic_bool
		is_hopeless; /* a part of it is no text: nobody will ever look through all of it */
};

enum bl_status gate_device_new(struct gate *gate, const struct device *record,
			       struct gate_device **out_device) BL_MUST_CHECK;
struct gate_device *gate_device_ref(struct gate_device *device);
void gate_device_unref(struct gate_device *device);
BL_DEFINE_CLEANUP(struct gate_device, gate_device_unref)

/* device_load - know the children of a directory; opens the image first where needed. May take seconds. */
enum bl_status device_load(struct gate_device *device, uint32_t id) BL_MUST_CHECK;
/* device_file - a file of the image, opened and profiled; counted (file_unref). May take seconds. */
enum bl_status device_file(struct gate_device *device, uint32_t id,
			   struct gate_file **out_file) BL_MUST_CHECK;
/* device_forget_file - it changed underneath: the next open looks again */
void device_forget_file(struct gate_device *device, struct gate_file *file);
void file_unref(struct gate_file *file);
void file_walk_free(struct file_walk *walk);
BL_DEFINE_CLEANUP(struct gate_file, file_unref)
/* notice_text - our own words about what cannot be read */
size_t notice_text(const struct gate_device *device, const struct entry *notice, char *out,
		   size_t size);

/*
 * file_read_masked - the bytes that a view with @mask sees
 *
 * BL_OK, BL_WITHHELD (a window that nobody could look into, or of a structured file one that the looking has not come to in look_ms), BL_STALE, BL_IO, BL_TIMED_OUT, BL_NO_MEMORY.
 */
enum bl_status file_read_masked(struct gate_file *file, const struct mask *mask, uint64_t offset,
				size_t size, uint8_t *buffer, size_t room,
				const uint8_t **out_bytes, size_t *out_length) BL_MUST_CHECK;
/* file_read_known - the same where every window is known in memory; else, and for no bytes, BL_NOT_FOUND */
enum bl_status file_read_known(struct gate_file *file, const struct mask *mask, uint64_t offset,
			       size_t size, uint8_t *buffer, size_t room, const uint8_t **out_bytes,
			       size_t *out_length) BL_MUST_CHECK;
/*
 * file_look - look on through the whole file, for at most @limit_ms: what is found so far is in the file
 *
 * BL_OK (whole, or hopeless), BL_TIMED_OUT (the next one goes on), BL_STALE, BL_IO, BL_NO_MEMORY.
 */
enum bl_status file_look(struct gate_file *file, int64_t limit_ms) BL_MUST_CHECK;
/* file_looked_percent - how far that has come, 0..99 while it is not whole */
unsigned file_looked_percent(const struct gate_file *file);
uint64_t file_windows(const struct gate_file *file);
/* file_tally - look into the part of a file that begins at window @first, and count what begins in it; @out_next: where the next part begins */
enum bl_status file_tally(struct gate_file *file, uint64_t first, uint64_t found[CLASS_LIMIT],
			  uint64_t *out_next) BL_MUST_CHECK;
/* file_is_behind - is it looked through in order, and not as far as @end? */
bool file_is_behind(const struct gate_file *file, uint64_t end);

/* ---- what persons have used up (usage.c) --------------------------------------------------------- */

/*
 * Of one uid, shared by all its views; never freed before the gate. Written under lock, read without: decisions take what
 * stands there.
 */
struct gate_usage {
	struct gate_usage *next;
	uid_t uid;
	pthread_mutex_t lock;
	atomic_uint_fast64_t amount[UNIT_COUNT][PERIOD_COUNT]; /* of the current hour and day */
	uint64_t before[UNIT_COUNT][PERIOD_COUNT];	       /* of the ones before */
	uint64_t total[UNIT_COUNT];			       /* ever; against gate_view.steps */
};

struct gate_period {
	int64_t start, next;
};

/* usage_of - the counters of a person, made when there are none yet; NULL: no memory */
struct gate_usage *usage_of(struct gate *gate, uid_t uid);
/* usage_known - the same for a question, which uses nothing up; NULL: nothing so far. Strangers cost no counters. */
struct gate_usage *usage_known(struct gate *gate, uid_t uid);
void usage_done(struct gate *gate);
/* usage_read - as decisions take them. @usage NULL: nothing. */
void usage_read(const struct gate_usage *usage, struct rules_used *out_used);
/*
 * usage_reserve - count, unless a step of the view was reached since it was judged: then decide again first
 * usage_count   - count, whatever was reached; usage->lock is held
 * usage_refund  - it did not happen
 * usage_is_stepped - has a step of the view been reached?
 */
bool usage_reserve(struct gate_view *view, enum bl_unit unit, uint64_t amount) BL_MUST_CHECK;
void usage_count(struct gate_usage *usage, enum bl_unit unit, uint64_t amount);
void usage_refund(struct gate_usage *usage, enum bl_unit unit, uint64_t amount);
bool usage_is_stepped(struct gate_view *view);
/* usage_stepped - every view of the person of @view for which that is so decides again */
void usage_stepped(struct gate_view *view);
/* usage_steps - when the view has to be judged again by what is used; policy_lock is held for writing */
void usage_steps(struct gate_view *view);
/*
 * usage_roll - begin new periods that have begun at @now; true when one has. policy_lock is held for writing.
 * usage_zone - the same under a new policy. Where its zone cuts time elsewhere, what was used in the period before is
 *              added: rather too much than too little, until the periods are over or the log is counted again.
 */
bool usage_roll(struct gate *gate, int64_t now_unix);
void usage_zone(struct gate *gate, const struct policy *policy, int64_t now_unix);

/* ---- looks that extend `last_open` (look.c) ------------------------------------------------------ */

struct gate_look;
/* look_note - somebody who minds no devices has looked into this one; looks_done - forget them all */
void look_note(struct gate_device *device, int64_t at_unix);
void looks_done(struct gate *gate);
/*
 * looks_see   - the log tells of one; false: no memory
 * looks_judge - those of who minds no devices count; asks NSS, so no lock is held
 */
struct looks_seen;
struct looks_seen *looks_seen_new(void);
void looks_seen_free(struct looks_seen *seen);
BL_DEFINE_CLEANUP(struct looks_seen, looks_seen_free)
bool looks_see(struct looks_seen *seen, const struct audit_event *event,
	       int64_t at_unix) BL_MUST_CHECK;
void looks_judge(struct gate *gate, const struct looks_seen *seen);

/* ---- facts and people (facts.c) ------------------------------------------------------------------ */

/* facts_read - from the store and NSS, for gate_facts_set; change_lock is held and no other. NULL: no memory */
struct gate_facts *facts_read(struct gate *gate, const char *id, enum bl_device_state state);
void facts_free(struct gate_facts *facts);
BL_DEFINE_CLEANUP(struct gate_facts, facts_free)
/* facts_bear_on - may the view see more, less or other things when @old become @new? */
bool facts_bear_on(const struct gate_view *view, const struct gate_facts *old,
		   const struct gate_facts *new);
/*
 * givers_prepare - the roles that givers hold under @policy at @now; people_lock is held. Only those whose roles may have
 *                  changed, unless @all.
 * givers_take    - in force from now on; policy_lock is held for writing. True when some changed.
 */
void givers_prepare(struct gate *gate, const struct policy *policy, int64_t now_unix, bool all);
bool givers_take(struct gate *gate);
void givers_done(struct gate *gate);
/*
 * grant_approvals - what it brings the view, if it was the view's person who asked; policy_lock is held
 *
 * @out  room for DEVICE_APPROVALS; of what path it is has not been looked at
 */
size_t grant_approvals(const struct gate_view *view, const struct gate_grant *grant,
		       struct rules_approval out[DEVICE_APPROVALS]);
/* facts_until - when what counts for the view on any device may change; policy_lock is held */
int64_t facts_until(const struct gate_view *view, int64_t now_unix);

/* The kernel's word for somebody whom a user namespace does not name is nobody, whatever a policy says. */
struct rules_caller gate_caller_of(const struct gate *gate, const struct person *account,
				   uid_t uid);
struct person *person_ref(struct person *person);
bool person_is_same(const struct person *a, const struct person *b);

/* ---- gate and views ---------------------------------------------------------------------------- */

struct gate {
	struct gate_config config;
	pthread_rwlock_t policy_lock;
	const struct policy *policy; /* NULL: none yet */
	uint32_t generation;	     /* of the policy; 1.. */
	struct gate_view *views;
	struct gate_device *devices; /* by id */
	uint32_t last_slot;
	uint64_t last_view;
	atomic_uint_fast64_t last_serial;
	struct gate_spans spans;
	struct scratch_pool scratches;
	struct aheads aheads;
	pthread_mutex_t change_lock, people_lock;
	pthread_mutex_t freed_lock;
	pthread_cond_t freed;
	struct gate_giver *givers; /* grows under people_lock and policy_lock */
	struct gate_period periods[PERIOD_COUNT];
	atomic_int_fast64_t due_unix; /* when gate_tick has to be called whatever the views say */
	pthread_mutex_t usage_lock;   /* the list of: */
	struct gate_usage *usages;
	pthread_mutex_t looks_lock; /* the list of: */
	struct gate_look *looks;
	uid_t nobody;		   /* the kernel's overflow uid */
	atomic_bool is_unanchored; /* no contents: gate_contents */
	int64_t look_ms, harvest_ms;
	atomic_uint renewals;	/* of devices, under way */
	unsigned harvests;	/* threads; under freed_lock */
	atomic_bool is_closing; /* they stop */
	pthread_mutex_t unwritten_lock;
	struct gate_unwritten *unwritten;
};

struct gate_handle {
	struct gate_handle *next, *previous;
	uint64_t number;
	pthread_mutex_t lock;
	struct gate_device *device; /* NULL: the root's, or its device was dropped */
	struct gate_file *file;	    /* NULL: a directory, a notice, or the device was dropped */
	uint32_t entry;
	bool is_notice;
	uint64_t epoch, policy_serial; /* of the decision */
	bool is_lost;
	bl_classes originals; /* shown unmasked, counted and logged at open: never more */
	struct mask mask;
	uint64_t next_offset;  /* where a read goes on that goes from front to back */
	struct aheads *aheads; /* NULL: it never read in large parts */
	uint8_t token[AUDIT_TOKEN];
	char rule[BL_RULE_ID_SIZE];
	char id[BL_DEVICE_ID_SIZE];
	uint32_t *slots; /* a handle on the root: the devices that were there */
	size_t slot_count;
};

/* What a session has counted as shown in one period: no more is ever given back in it. */
struct shown_in {
	int64_t start;
	uint64_t bytes;
};

#define REFUSED_WORDS 4u
#define REFUSED_TEXT  448u
struct gate_view {
	struct gate *gate;
	struct gate_view *next;
	uint64_t number;
	uid_t uid;
	gid_t gid;
	uint32_t login_uid, pid;
	/* Of a sealed session: the one device that is there, whose uid is asked for inside, its number (0: none yet). */
	bool is_session;
	char session_device[BL_DEVICE_ID_SIZE];
	uint32_t inside_uid;
	char (*devices)[BL_DEVICE_ID_SIZE]; /* of a mount of one's own; NULL: all */
	size_t device_count;
	uint64_t session;
	struct shown_in shown[PERIOD_COUNT]; /* under usage->lock */
	struct person *account;		     /* what NSS said, once; counted, under policy_lock */
	char *purpose;			     /* NULL: none */
	bool has_reason;
	struct gate_usage *usage;
	/* Under policy_lock. */
	struct rules_subject *subject; /* NULL: may do nothing */
	int64_t now_unix;	       /* of the judgement */
	bool is_limited;
	struct rules_subject *coming; /* under people_lock: to be swapped in, or to be freed */
	uint64_t steps[UNIT_COUNT];   /* under usage->lock: totals at which to decide again */
	atomic_uint_fast64_t policy_serial;
	char person[256];
	atomic_uint_fast64_t epoch;
	atomic_int_fast64_t valid_until;
	gate_changed_fn *changed; /* under policy_lock */
	void *changed_context;
	/* Refused reads of the current minute, and whether they ended the view (view_count_refusal). */
	atomic_int_fast64_t refusal_minute;
	atomic_uint refusals;
	atomic_bool is_revoked;
	pthread_mutex_t lock;
	struct gate_handle *handles;
	uint64_t last_handle;
	pthread_mutex_t notice_lock;
	char *notice; /* NUL-terminated; NULL: not written yet */
	uint64_t notice_epoch, notice_refused;
	/* Of a sealed session, under refused_lock: how often contents were refused, and why, in different words, the last ones first */
	pthread_mutex_t refused_lock;
	uint64_t refused;
	char refused_why[REFUSED_WORDS][REFUSED_TEXT];
};

/*
 * A new subject, in three steps, so that nobody waits for more than a swap:
 * view_prepare - make it; people_lock is held
 * view_take    - in force from now on; policy_lock is held for writing
 * view_settle  - free the old one; people_lock is held
 */
void view_prepare(struct gate_view *view, const struct policy *policy, int64_t now_unix);
void view_take(struct gate_view *view, int64_t now_unix);
void view_settle(struct gate_view *view);
/* view_until - until when what it may see stays, as facts and people stand; policy_lock is held for writing */
void view_until(struct gate_view *view, int64_t now_unix);
/* view_moved - what it may see has changed; policy_lock is held for writing. The callback only ever wakes a thread of serve's. */
void view_moved(struct gate_view *view);
/* view_free - of one that was never in the gate's list, or is no more */
void view_free(struct gate_view *view);
BL_DEFINE_CLEANUP(struct gate_view, view_free)
/* view_event - what every event of a view's requests says */
void view_event(const struct gate_view *view, const struct gate_caller *caller, enum audit_op op,
		struct audit_event *out_event);

/*
 * view_count_refusal - one more refused read; so many in one minute end the view
 *
 * A refused page fault under MAP_POPULATE makes the kernel ask for the same page for ever (docs/serving.md): no
 * answer ends that, only the end of the connection does. The log slows a storm of one kind down to ten answers a second, so
 * that this comes after some seconds.
 */
#define VIEW_REFUSALS_A_MINUTE 100
void view_count_refusal(struct gate_view *view, const struct gate_caller *caller);
/* ---- sealed sessions (session.c) ------------------------------------------------------------------ */

/* view_shows - is the device one of those that this view is of? To a session, and to a mount of one's own, all others are not there. */
bool view_shows(const struct gate_view *view, const struct gate_device *device);
/* view_limit - only these devices from here on, whose ids are copied; NULL: all. False: no memory */
bool view_limit(struct gate_view *view, char (*devices)[BL_DEVICE_ID_SIZE],
		size_t count) BL_MUST_CHECK;
/* view_contents - what decides on contents: `read` in a session, `copy` on an open mount */
enum bl_action view_contents(const struct gate_view *view);
/* view_owner_uid, view_owner_gid - whose everything is, as those who ask see it */
uid_t view_owner_uid(const struct gate_view *view);
gid_t view_owner_gid(const struct gate_view *view);
/* view_is_caller - may this process ask at all? view_caller - if so: as whom it stands in the log */
bool view_is_caller(const struct gate_view *view, const struct gate_caller *caller);
void view_caller(const struct gate_view *view, struct audit_event *event);
/*
 * session_admit - may the person of a new session read in its device? @device: what they called it
 *
 * BL_OK, BL_NOT_FOUND (also when they may not list it), BL_FORBIDDEN, BL_ASK, BL_WITHHELD, BL_LOG_BROKEN, BL_NO_MEMORY; @out_rule decided
 */
enum bl_status session_admit(struct gate_view *view, const char *device, char *out_rule,
			     struct bl_error *why) BL_MUST_CHECK;

/* gate_device_of - node to device, counted; NULL: gone. policy_lock is not held. */
struct gate_device *gate_device_of(struct gate *gate, uint64_t node);
/* gate_device_after - the device with the next greater slot, counted; NULL: there is none */
struct gate_device *gate_device_after(struct gate *gate, uint32_t slot);
/* gate_device_named - counted; NULL: there is none */
struct gate_device *gate_device_named(struct gate *gate, const char *id);
/* gate_device_settled - the same; one that is being renewed is waited for. Not for whoever holds a device, or change_lock */
struct gate_device *gate_device_settled(struct gate *gate, const char *id);
/* gate_tell - an event that nobody waits for */
void gate_tell(struct gate *gate, const struct audit_event *event);
/* gate_tell_trouble - something of a device cannot be read; @detail: words of our own */
void gate_tell_trouble(struct gate *gate, const char *device, const char *rule,
		       enum bl_status status, const char *detail);
struct gate_handle *handle_new(void);
/* view_has_open - does the view hold the contents of this entry open? Before asked_lock, not under it. */
bool view_has_open(struct gate_view *view, const struct gate_device *device, uint32_t entry);
void handle_free(struct gate_handle *handle);
/*
 * handle_add - one more open handle of the view. False: its device was dropped since it was judged; whoever drops a device
 * takes it from all handles that are there and waits, so none may come after.
 */
bool handle_add(struct gate_view *view, struct gate_handle *handle) BL_MUST_CHECK;

/* ---- requests ------------------------------------------------------------------------------------ */

struct scene;

/* One request while it is worked on; on the stack of its thread. */
struct asked {
	struct gate_view *view;
	struct gate_reply *reply;
	struct audit_event event;
	struct gate_device *device; /* counted; NULL: the root, or none */
	uint32_t entry;
	int64_t begun_unix;
	bool is_paid;	   /* of a file that is open: its name and contents were counted then */
	bool is_look;	   /* what it shows, if it succeeds, is a look that extends `last_open` */
	bool is_attribute; /* the kernel does not ask for it again by itself when it is refused */
	/* Whose path the event's token stands for, where this segment of the log does not have it yet; see asked_name. */
	bool is_unnamed;
	uint32_t unnamed;	/* entry of asked.device */
	struct gate_file *file; /* counted; the file that is read: it is named too */
};
/*
 * asked_begin - is it this view's own person, and can the log take it? False: the reply is on its way.
 * asked_finish - hand the event to the log; the reply follows it. Gives device and file back. Last word of a request.
 * asked_untold - the same without an event: nothing is revealed, and so nothing owed to the log (docs/serving.md, "The way of one request").
 * asked_deny   - what a decision that does not permit says in the event; the errno to answer
 */
bool asked_begin(struct asked *asked, struct gate_view *view, const struct gate_caller *caller,
		 enum audit_op op, struct gate_reply *reply);
void asked_finish(struct asked *asked, int error);
void asked_untold(struct asked *asked, int error);
int asked_deny(struct asked *asked, const struct rules_decision *decision);
int asked_failed(struct asked *asked, enum bl_status status);
/* asked_node - the device of a node into asked; 0 or ESTALE. Not for the root. */
int asked_node(struct asked *asked, uint64_t node);
/* asked_lock - for scenes; asked_unlock */
void asked_lock(struct asked *asked);
void asked_unlock(struct asked *asked);
/* asked_rule - what decided, for the event */
void asked_rule(struct asked *asked, const char *rule);
/* asked_token - the token of the entry behind @scene into the event, and whether its path has to go to the auditors; locks are held */
void asked_token(struct asked *asked, const struct scene *scene);
/*
 * asked_visible - the entry as a scene, when its name may be shown and its device is there; locks are held.
 * 0, or the errno (event says why). Fills the event's token.
 */
int asked_visible(struct asked *asked, uint32_t id, struct scene *scene);

/* ---- what one view may see of one entry (policy_lock for reading and device.lock are held) ------ */

struct scene {
	struct gate_view *view;
	struct gate_device *device;
	const struct entry *entry;
	struct rules_facts facts;
	struct rules_used used;
	bl_classes blind; /* classes that are looked for and no detector finds: never known */
	const char
		*closed; /* the built-in rule that closes it whatever the policy says; NULL: none */
	bool is_unknown; /* closed, since there was no memory to find out: no answer, not even that it is not there */
	rules_place others[GATE_LINKS];
	struct rules_approval approvals[DEVICE_REQUESTS * DEVICE_APPROVALS];
};
/* scene_set - gather the facts; @kind -1: not known */
void scene_set(struct scene *scene, struct gate_view *view, struct gate_device *device,
	       struct entry *entry, int kind);
/* scene_device - the facts of a device as a whole, but its places; it closes nothing */
void scene_device(struct scene *scene, struct gate_view *view, struct gate_device *device);
/* scene_look - what is known of what is in the file */
void scene_look(struct scene *scene, const struct gate_file *file);
void scene_decide(const struct scene *scene, enum bl_action action,
		  struct rules_decision *out_decision);
void scene_decide_class(const struct scene *scene, enum bl_action action, unsigned class,
			struct rules_decision *out_decision);
/* scene_is_visible - may its name be shown? @out_decision says which rule */
bool scene_is_visible(const struct scene *scene, struct rules_decision *out_decision);
/* scene_extends - does a look at it extend `last_open`? Not by somebody who may review or administer. */
bool scene_extends(const struct scene *scene);
/* scene_name - its name as this view sees it */
void scene_name(const struct scene *scene, char out[MASK_NAME_SIZE]);
void scene_attr(const struct scene *scene, struct gate_attr *out_attr);
/* scene_mask - of names; scene_mask_contents - of what is copied, or read in a session. The answer: the classes that it leaves as they are. */
void scene_mask(const struct scene *scene, struct mask *out_mask);
bl_classes scene_mask_contents(const struct scene *scene, struct mask *out_mask);
void scene_token(const struct scene *scene, const char *child, uint8_t out[AUDIT_TOKEN]);

/*
 * contents_admit - would an open of asked's file be permitted? For what belongs to a file beside its contents
 *
 * @is_counted  if so, as one file
 * @out_mask    of names: no originals
 * 0, or the errno; the event says why.
 */
int contents_admit(struct asked *asked, bool is_counted, struct mask *out_mask);

/*
 * contents_would_matter - is what is in the file, not all of which was looked through, needed to decide on it?
 *
 * @unsure  what was decided without
 */
bool contents_would_matter(const struct scene *scene, const struct gate_file *file,
			   const struct rules_decision *unsure);

/* ---- answers in words (ask.c, why.c) --------------------------------------------------------------- */

struct answer {
	char *text;
	size_t size, used;
};
void answer_say(struct answer *answer, const char *format, ...) BL_PRINTF(2, 3);
void answer_classes(struct answer *answer, const struct policy *policy, bl_classes classes);
/* view_note_refused - a session was refused this file's contents: keep why, for its notice and its end. Locks are held. */
void view_note_refused(struct gate_view *view, const struct scene *scene,
		       const struct gate_file *file);
/* answer_limits - "12 of 200 files this hour", "; " between */
void answer_limits(struct answer *answer, const struct rules_subject *subject,
		   const struct rules_facts *facts, enum bl_action action);
/* unmask_best - the best that unmask of any of @asked comes to, and for which classes it does; 0: there is nothing to say */
bl_classes unmask_best(const struct rules_subject *subject, const struct rules_facts *facts,
		       bl_classes asked, struct rules_decision *out_decision);

/*
 * root_notice - what the person of the view may do here, in words; what gate_may tells
 *
 * Written anew when the view's epoch has grown. @out: of the text from @offset on, at most @size bytes.
 * BL_OK, BL_NO_MEMORY, BL_STALE (the policy changed again and again meanwhile).
 */
enum bl_status root_notice(struct gate_view *view, uint64_t offset, uint8_t *out, size_t size,
			   size_t *out_length, size_t *out_total) BL_MUST_CHECK;

#endif
