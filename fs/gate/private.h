/* private.h - what the files of the gate share
 *
 * Locks, outermost first; nothing of the image, the store or the log is waited for under any of them:
 *   gate.policy_lock   read: decide; write: swap policy, subjects, the lists of views and devices
 *   gate_view.lock     the list of handles
 *   gate_handle.lock   one handle's file, styles and epoch
 *   gate_device.lock   tree, places, files
 *   gate_spans.lock    the span cache
 * A gate_device lives while somebody holds a reference; requests hold one while they work, never while they wait
 * for the log.
 */
#ifndef FS_GATE_PRIVATE_H
#define FS_GATE_PRIVATE_H

#include "fs/gate/gate.h"
#include "policy/mask/mask.h"

#include <pthread.h>
#include <stdatomic.h>

#define GATE_ENTRIES (4u << 20) /* known entries of one device, at most */
#define GATE_DEPTH   512u	/* directories deeper than this are not listed */
#define GATE_LINKS   256u	/* different places of one file that a decision can take in */
#define GATE_LINKS_SEEN                                                                            \
	65536u /* known paths of one file that it can look at: beyond either, nothing is permitted */
#define GATE_FILES     256u	  /* files kept open per device without a handle, at most */
#define GATE_PATH      8192u	  /* bytes of a path inside a device */
#define GATE_SPANS     (8u << 20) /* bytes of cached spans of all devices */
#define GATE_SCRATCHES 8u	  /* reads that need a work buffer of ours at one time */
#define GATE_WINDOWS   (GATE_READ_LIMIT / DETECT_WINDOW + 1) /* touched by one read, at most */

#define RULE_ONE_PERSON "builtin/one-view-one-person"
#define RULE_UNSCANNED	"builtin/unscanned"
#define RULE_LINKS	"builtin/too-many-links"
#define RULE_GATE	"gate"
#define RULE_WALK	"builtin/walk"
#define RULE_READ_ONLY	"builtin/read-only"
#define RULE_NOTICE	"builtin/notice"

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

struct entry {
	uint64_t inode;
	uint64_t identity;	/* of the file behind it, the same under all its names */
	const char *name;	/* NUL-terminated, in one of the tree's blocks */
	struct name_find *find; /* NULL: nothing found in the name */
	struct gate_file *file; /* while it is among the device's kept files */
	struct image_attr attr;
	uint32_t id, parent;
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
	size_t count;
	packed_span items[];
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
/* spans_keep - remember; the answer is counted. NULL: no memory */
struct window_spans *spans_keep(struct gate_spans *cache, struct gate_device *device,
				uint64_t serial, uint64_t window, const struct detect_spans *found,
				bool is_withheld);
/* spans_from - where to begin with what touches @offset or lies behind it: the first span of a chain */
size_t spans_from(const struct window_spans *spans, uint64_t offset);
void spans_put(struct window_spans *spans);
void spans_forget(struct gate_spans *cache, const struct gate_device *device);

/* Work buffers for reads: few, so that memory stays small; who finds none waits. */
struct scratch {
	struct scratch *next;
	uint8_t *bytes; /* GATE_READ_ROOM(GATE_READ_LIMIT); NULL until first needed */
	struct detect_spans spans;
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

/* ---- devices ----------------------------------------------------------------------------------- */

struct device_keys {
	uint8_t mask[MASK_KEY];
	uint8_t names[VAULT_KEY]; /* of path tokens */
};

struct gate_device {
	struct gate *gate;
	struct gate_device *next;
	char id[BL_DEVICE_ID_SIZE];
	uint32_t slot; /* high half of its nodes; never used again */
	atomic_uint refs;
	bool *was_freed; /* told (under gate.freed_lock) when it is gone; NULL: nobody waits */
	bool is_dropped; /* under policy_lock: nothing of it is shown any more */

	pthread_mutex_t lock;
	pthread_cond_t settled; /* a load has ended */
	enum bl_device_kind kind;
	enum bl_device_state state;
	int64_t since_unix; /* enrolment */
	struct tree *tree;
	struct image *image; /* NULL: not open, or it cannot be opened */
	struct detect_scanner *scanner;
	struct device_keys *keys; /* in guarded memory; NULL: not open */
	bl_classes classes;	  /* what the scanner looks for */
	struct rules_places *places;
	uint32_t places_generation;
	struct gate_file *newest, *oldest;
	size_t file_count;
};

/* One file opened and looked at; kept for the next open. */
struct gate_file {
	struct gate_device *device; /* whoever holds the file for long holds the device too */
	atomic_uint refs;
	uint64_t serial; /* its spans are known by this */
	uint32_t entry;
	struct image_file *file;
	uint64_t size_bytes;
	struct detect_profile profile;
	struct gate_file *newer, *older;
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
BL_DEFINE_CLEANUP(struct gate_file, file_unref)
/* notice_text - our own words about what cannot be read */
size_t notice_text(const struct gate_device *device, const struct entry *notice, char *out,
		   size_t size);

/*
 * file_read_masked - the bytes that a view with @mask sees
 *
 * BL_OK, BL_WITHHELD (a window that nobody could look into), BL_STALE, BL_IO, BL_TIMED_OUT, BL_NO_MEMORY.
 */
enum bl_status file_read_masked(struct gate_file *file, const struct mask *mask, uint64_t offset,
				size_t size, uint8_t *buffer, size_t room,
				const uint8_t **out_bytes, size_t *out_length) BL_MUST_CHECK;

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
	pthread_mutex_t change_lock; /* one change of the devices at a time; outermost of all */
	pthread_mutex_t freed_lock;
	pthread_cond_t freed;
};

struct gate_handle {
	struct gate_handle *next, *previous;
	uint64_t number;
	pthread_mutex_t lock;
	struct gate_device *device; /* NULL: the root's, or its device was dropped */
	struct gate_file *file;	    /* NULL: a directory, a notice, or the device was dropped */
	uint32_t entry;
	bool is_notice;
	uint64_t epoch; /* of the decision */
	bool is_lost;
	struct mask mask;
	uint8_t token[AUDIT_TOKEN];
	char rule[BL_RULE_ID_SIZE];
	char id[BL_DEVICE_ID_SIZE];
	uint32_t *slots; /* a handle on the root: the devices that were there */
	size_t slot_count;
};

struct gate_view {
	struct gate *gate;
	struct gate_view *next;
	uint64_t number;
	uid_t uid;
	gid_t gid;
	uint32_t login_uid, pid;
	struct person *account; /* what NSS said, once */
	char *purpose;		/* NULL: none */
	bool has_reason;
	struct rules_subject *subject; /* under policy_lock; NULL: may do nothing */
	atomic_uint_fast64_t policy_serial;
	char person[256];
	atomic_uint_fast64_t epoch;
	atomic_int_fast64_t valid_until;
	gate_changed_fn *changed; /* under policy_lock */
	void *changed_context;
	/* Refused reads of the current second, and whether they ended the view (view_count_refusal). */
	atomic_int_fast64_t refusal_second;
	atomic_uint refusals;
	atomic_bool is_revoked;
	pthread_mutex_t lock;
	struct gate_handle *handles;
	uint64_t last_handle;
};

/* view_judge - a new subject under the policy in force; policy_lock is held for writing */
void view_judge(struct gate_view *view, int64_t now_unix);
/* view_event - what every event of a view's requests says */
void view_event(const struct gate_view *view, const struct gate_caller *caller, enum audit_op op,
		struct audit_event *out_event);

/*
 * view_count_refusal - one more refused read; so many in one second end the view
 *
 * A refused page fault under MAP_POPULATE makes the kernel ask for the same page for ever (docs/serving.md): no
 * answer ends that, only the end of the connection does.
 */
#define VIEW_REFUSALS_A_SECOND 1000
void view_count_refusal(struct gate_view *view, const struct gate_caller *caller);
/* gate_device_of - node to device, counted; NULL: gone. policy_lock is not held. */
struct gate_device *gate_device_of(struct gate *gate, uint64_t node);
/* gate_tell - an event that nobody waits for */
void gate_tell(struct gate *gate, const struct audit_event *event);
struct gate_handle *handle_new(void);
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
};
/*
 * asked_begin - is it this view's own person, and can the log take it? False: the reply is on its way.
 * asked_finish - hand the event to the log; the reply follows it. Gives the device back. Last word of a request.
 * asked_deny   - what a decision that does not permit says in the event; the errno to answer
 */
bool asked_begin(struct asked *asked, struct gate_view *view, const struct gate_caller *caller,
		 enum audit_op op, struct gate_reply *reply);
void asked_finish(struct asked *asked, int error);
int asked_deny(struct asked *asked, const struct rules_decision *decision);
int asked_failed(struct asked *asked, enum bl_status status);
/* asked_node - the device of a node into asked; 0 or ESTALE. Not for the root. */
int asked_node(struct asked *asked, uint64_t node);
/* asked_lock - for scenes; asked_unlock */
void asked_lock(struct asked *asked);
void asked_unlock(struct asked *asked);
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
	rules_place others[GATE_LINKS];
	const char
		*closed; /* the built-in rule that closes it whatever the policy says; NULL: none */
};
/* scene_set - gather the facts; @kind -1: not known */
void scene_set(struct scene *scene, struct gate_view *view, struct gate_device *device,
	       struct entry *entry, int kind);
void scene_decide(const struct scene *scene, enum bl_action action,
		  struct rules_decision *out_decision);
/* scene_is_visible - may its name be shown? @out_decision says which rule */
bool scene_is_visible(const struct scene *scene, struct rules_decision *out_decision);
/* scene_name - its name as this view sees it */
void scene_name(const struct scene *scene, char out[MASK_NAME_SIZE]);
void scene_attr(const struct scene *scene, struct gate_attr *out_attr);
void scene_mask(const struct scene *scene, struct mask *out_mask);
void scene_token(const struct scene *scene, const char *child, uint8_t out[AUDIT_TOKEN]);

#endif
