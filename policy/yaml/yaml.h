/* yaml.h - strict YAML: one small document in, a tree with positions out (policies and records)
 *
 * Built on libyaml's event API. Refused, each with line and column: a second document, aliases,
 * anchors, merge keys, tags, duplicate keys, bidi and control characters, invalid UTF-8, depth over
 * YAML_DEPTH_LIMIT (libyaml nests in quadratic time), more than YAML_SIZE_LIMIT bytes. Scalars stay
 * text: what a value means is the caller's to say, so YAML 1.1's booleans and numbers never bite.
 */
#ifndef POLICY_YAML_YAML_H
#define POLICY_YAML_YAML_H

#include "policy/base.h"

#define YAML_DEPTH_LIMIT 64
#define YAML_SIZE_LIMIT	 (4u << 20)

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_type type;
	unsigned line, column;	       /* 1-based; column in bytes */
	bool is_quoted;		       /* scalar in quotes or block style */
	const char *text;	       /* scalar: NUL-terminated, holds no NUL inside */
	const struct yaml_node *key;   /* this node's key when it is a value of a map, else NULL */
	const struct yaml_node *first; /* list: first item; map: first value */
	const struct yaml_node *next;  /* next item or value of the same parent */
	size_t count;		       /* items or values */
};

/* A place in the input that something is wrong with. */
struct yaml_finding {
	unsigned line, column;
	char text[256]; /* what is wrong */
	char fix[256];	/* what to do; may be empty */
};

struct yaml_document;

/*
 * yaml_parse - parse @length bytes of strict YAML
 *
 * @out_document  owned by the caller (yaml_free); borrows nothing of @bytes
 * @out_finding   filled when BL_INVALID or BL_TOO_LARGE is returned; may be NULL
 *
 * BL_OK, BL_INVALID, BL_TOO_LARGE, BL_NO_MEMORY. Time and memory are linear in @length.
 */
enum bl_status yaml_parse(const char *bytes, size_t length, struct yaml_document **out_document,
			  struct yaml_finding *out_finding) BL_MUST_CHECK;
/*
 * Hidden, because libyaml exports a yaml_free of its own and calls it by name: a visible one of ours in the
 * program would be called in its stead, with pointers that are no documents.
 */
__attribute__((visibility("hidden"))) void yaml_free(struct yaml_document *document);
BL_DEFINE_CLEANUP(struct yaml_document, yaml_free)

const struct yaml_node *yaml_root(const struct yaml_document *document);

/* yaml_get - the value of @key in a map; NULL when absent or @map is no map */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
