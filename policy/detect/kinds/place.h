/* place.h - coordinates, for network.c, which is asked about dotted numbers first; private to policy/detect */
#ifndef POLICY_DETECT_KINDS_PLACE_H
#define POLICY_DETECT_KINDS_PLACE_H

#include "policy/detect/kind.h"

/* place_at - the pair of coordinates whose first number's first digit is at @at */
void place_at(const struct text *text, size_t at, struct sink *sink);
/* degree_at - degrees, minutes and seconds around the degree sign at @at */
void degree_at(const struct text *text, size_t at, struct sink *sink);

#endif
