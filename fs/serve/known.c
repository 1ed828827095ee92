#include "fs/serve/private.h"

#include <stdlib.h>
#include <string.h>

struct known_slot {
	struct known_slot *next;
	uint64_t node, parent, count;
	char name[];
};

bool known_init(struct known *known)
{
	*known = (struct known){.room = 1024};
	known->buckets = calloc(known->room, sizeof(*known->buckets));
	pthread_mutex_init(&known->lock, NULL);
	return known->buckets != NULL;
}

void known_done(struct known *known)
{
	for (size_t i = 0; known->buckets && i < known->room; i++) {
		while (known->buckets[i]) {
			struct known_slot *slot = known->buckets[i];

			known->buckets[i] = slot->next;
			free(slot);
		}
	}
	free(known->buckets);
	pthread_mutex_destroy(&known->lock);
}

static struct known_slot **bucket_of(struct known_slot **buckets, size_t room, uint64_t node)
{
	return &buckets[(node * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1)];
}

/* Twice the room; when there is no memory for it, longer chains do. */
static void grow(struct known *known)
{
	size_t room = known->room * 2;
	struct known_slot **buckets = calloc(room, sizeof(*buckets));

	if (!buckets)
		return;
	for (size_t i = 0; i < known->room; i++) {
		while (known->buckets[i]) {
			struct known_slot *slot = known->buckets[i], **at;

			known->buckets[i] = slot->next;
			at = bucket_of(buckets, room, slot->node);
			slot->next = *at;
			*at = slot;
		}
	}
	free(known->buckets);
	known->buckets = buckets;
	known->room = room;
}

static struct known_slot *slot_new(uint64_t node, uint64_t parent, const char *name)
{
	size_t length = strlen(name) + 1;
	struct known_slot *slot = malloc(sizeof(*slot) + length);

	if (slot) {
		*slot = (struct known_slot){.node = node, .parent = parent};
		memcpy(slot->name, name, length);
	}
	return slot;
}

bool known_add(struct known *known, uint64_t node, uint64_t parent, const char *name)
{
	pthread_mutex_lock(&known->lock);
	if (known->count > known->room)
		grow(known);
	struct known_slot **bucket = bucket_of(known->buckets, known->room, node), *slot = *bucket;

	/* One node may be known by an old and a new name for a while: a slot for each. */
	while (slot && (slot->node != node || strcmp(slot->name, name) != 0))
		slot = slot->next;
	if (!slot) {
		slot = slot_new(node, parent, name);
		if (slot) {
			slot->next = *bucket;
			*bucket = slot;
			known->count++;
		}
	}
	if (slot)
		slot->count++;
	pthread_mutex_unlock(&known->lock);
	return slot != NULL;
}

void known_forget(struct known *known, uint64_t node, uint64_t count)
{
	pthread_mutex_lock(&known->lock);
	struct known_slot **at = bucket_of(known->buckets, known->room, node);

	while (*at && count) {
		struct known_slot *slot = *at;
		uint64_t less = slot->node == node ? BL_MIN(count, slot->count) : 0;

		slot->count -= less;
		count -= less;
		if (slot->count == 0) {
			*at = slot->next;
			free(slot);
			known->count--;
		} else {
			at = &slot->next;
		}
	}
	pthread_mutex_unlock(&known->lock);
}

bool known_all(struct known *known, struct known_node **out_nodes, size_t *out_count)
{
	size_t count = 0;
	bool is_whole = true;

	pthread_mutex_lock(&known->lock);
	struct known_node *nodes = calloc(known->count + 1, sizeof(*nodes));

	for (size_t i = 0; nodes && is_whole && i < known->room; i++) {
		for (struct known_slot *slot = known->buckets[i]; slot; slot = slot->next) {
			nodes[count] =
				(struct known_node){slot->node, slot->parent, strdup(slot->name)};
			if (!nodes[count].name) {
				is_whole = false;
				break;
			}
			count++;
		}
	}
	pthread_mutex_unlock(&known->lock);
	if (!nodes || !is_whole) {
		known_free(nodes, count);
		return false;
	}
	*out_nodes = nodes;
	*out_count = count;
	return true;
}

void known_free(struct known_node *nodes, size_t count)
{
	for (size_t i = 0; nodes && i < count; i++)
		free(nodes[i].name);
	free(nodes);
}
