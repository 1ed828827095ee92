/* crypto.h - addresses and keys of crypto-currencies, for secret.c, which is asked about long words first; private to policy/detect */
#ifndef POLICY_DETECT_KINDS_CRYPTO_H
#define POLICY_DETECT_KINDS_CRYPTO_H

#include "policy/detect/kind.h"

/* crypto_word - the address, or the private key, that is the word [start, end) */
void crypto_word(const struct text *text, size_t start, size_t end, struct sink *sink);

#endif
