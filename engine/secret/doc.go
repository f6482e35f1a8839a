// Package secret keeps secrets: a Box seals them for the store, a Masker takes them out of what is shown or kept.
//
// It does no I/O: the key comes from outside, and it lies outside the database, so that neither a copy of the database nor a backup of it
// gives a secret away.
package secret
