/* diff.h - the questions that two policies are compared by; private to policy/rules
 *
 * A question is one value of each *dimension*. The values are cells: everything else that the words of both files
 * cannot tell apart from one of them answers alike.
 */
#ifndef POLICY_RULES_DIFF_H
#define POLICY_RULES_DIFF_H

#include "policy/rules/check.h"
#include "policy/rules/compile.h"

enum side { OLDER, NEWER, SIDES };

enum dimension {
	/* of the subject */
	DIM_MOMENT,
	DIM_PURPOSE,
	DIM_HOST,
	DIM_REASON,
	/* of the device and the file */
	DIM_DEVICE,
	DIM_ID,
	DIM_PATH,
	DIM_KIND,
	DIM_SIZE,
	DIM_STATE,
	DIM_CONSENT,
	DIM_CHECK,
	DIM_HAS,
	/* of what happened before */
	DIM_USED,
	DIM_APPROVALS,
	DIM_COUNT
};

#define CELL_LIMIT 512u /* values of one dimension */

/* A class by its name: custom ones have different numbers in two files; -1: there is none. */
struct diff_class {
	const char *name;
	int number[SIDES];
};

struct diff_used {
	bool is_none;
	enum bl_unit unit;
	enum bl_period period;
	uint64_t amount;
};

/* So many people with this role approved so long ago; a count of 0: nobody. */
struct diff_approvals {
	const char *role;
	unsigned count;
	int64_t age_seconds;
};
#define APPROVERS_LIMIT 256u

/* Values of DIM_HAS: nothing, each class, all of them, and not looked through yet. */
#define HAS_NOTHING  0u
#define HAS_CLASS(i) (1u + (i))

#define VALUE_DIRECTORY FILE_KIND_COUNT /* of DIM_KIND */

struct cells {
	const struct policy *policy[SIDES];
	struct arena *arena;
	int64_t base_unix; /* begins the reference week */
	size_t count[DIM_COUNT];
	int64_t moments[CELL_LIMIT];
	const char *purposes[CELL_LIMIT]; /* NULL: none */
	const char *hosts[CELL_LIMIT];	  /* NULL: none of a workplace */
	const char *ids[CELL_LIMIT];
	const char *paths[CELL_LIMIT];
	uint64_t *path_rules[SIDES]; /* per path: rules whose `paths` match, by index */
	size_t path_words[SIDES];
	int64_t sizes[CELL_LIMIT];
	struct diff_used used[CELL_LIMIT];
	struct diff_approvals approvals[CELL_LIMIT];
	struct diff_class classes[2 * CLASS_LIMIT];
	size_t class_count;
	size_t has[CELL_LIMIT]; /* classes of HAS_CLASS, into @classes */
	size_t has_count;
	bool is_same_customs, is_same_zone;
	bool is_out_of_memory; /* a value is missing: nothing can be said */
};

enum bl_status cells_new(const struct policy *older, const struct policy *newer,
			 struct cells **out_cells) BL_MUST_CHECK;
/* diff-paths.c */
enum bl_status cells_add_paths(struct cells *cells) BL_MUST_CHECK;
void cells_free(struct cells *cells);
BL_DEFINE_CLEANUP(struct cells, cells_free)

/* A rule of one of the files. */
struct sided {
	enum side side;
	const struct rule *rule;
};

/* How a value stands to one dimension of a rule. */
struct cell_code {
	enum three what;   /* what, where, when, needs and limits */
	enum three unless; /* TRUE3 where `unless` does not speak of the dimension */
	unsigned extra;	   /* anything else that tells values apart */
};
struct cell_code cell_code(const struct cells *cells, const struct sided *sided,
			   enum dimension dimension, size_t value);

/* Values of every dimension, one of each kind that @rules tell apart. */
struct merged {
	uint16_t *values[DIM_COUNT];
	size_t count[DIM_COUNT];
};
enum bl_status cells_merge(const struct cells *cells, const struct sided *rules, size_t count,
			   struct arena *arena, struct merged *out_merged) BL_MUST_CHECK;

/* diff-ask.c ------------------------------------------------------------------------------------------- */

/* A role of either file, or a person of either (with all their roles). */
struct diff_caller {
	const char *name;
	bool is_person;
	const struct person *person[SIDES]; /* NULL: nobody in that file */
	uint64_t roles[SIDES];
};

/* diff-same.c: is there nothing to ask, because both files say the same? ---------------------------------------- */

void diff_note_sameness(struct cells *cells);
bool diff_same_rule(const struct cells *cells, const struct rule *older, const struct rule *newer);
bool diff_same_caller(const struct cells *cells, const struct diff_caller *caller);
/* diff_same_looks - is what is looked for, and what is shown by default, the same? */
bool diff_same_looks(const struct cells *cells);
/* diff_is_shared - has the other file a rule with the same id that says the same? */
bool diff_is_shared(const struct cells *cells, enum side side, const struct rule *rule);

struct asker;
enum bl_status asker_new(const struct cells *cells, struct asker **out_asker) BL_MUST_CHECK;
void asker_free(struct asker *asker);
BL_DEFINE_CLEANUP(struct asker, asker_free)
void asker_become(struct asker *asker, const struct diff_caller *caller);

/*
 * asker_set - who asks and under which facts, to one of the two files
 *
 * @values  of each dimension, into cells
 *
 * The answer is borrowed until the next call for the same side.
 */
struct asked_of {
	const struct rules_subject *subject;
	struct rules_facts facts;
};
enum bl_status asker_set(struct asker *asker, enum side side, enum bl_action action,
			 const uint16_t values[DIM_COUNT], struct asked_of *out) BL_MUST_CHECK;

/* diff_words - the question in words, as far as @merged has more than one value of a dimension */
void diff_words(const struct cells *cells, const struct merged *merged, enum bl_action action,
		const char *verb, const uint16_t values[DIM_COUNT], char *out, size_t size);

/* Is this an action on what is inside a device? */
static inline bool diff_is_of_files(enum bl_action action)
{
	return action <= ACTION_UNMASK;
}

#endif
