package engine

import "maps"

// imagesEnv is what expressions see of a change: its frozen images.
func imagesEnv(s *Structure, ch *Change, old, next *Object) (map[string]any, error) {
	before, err := s.decodeOf(old)
	if err != nil {
		return nil, err
	}
	after, err := s.decodeOf(next)
	if err != nil {
		return nil, err
	}
	return imagesOf(s, ch, image{old, before}, image{next, after}), nil
}

// image is an object with its values, which are decoded only once for a change.
type image struct {
	object *Object
	values Values
}

// imagesOf is imagesEnv for images that are decoded already; they are not changed.
func imagesOf(s *Structure, ch *Change, old, next image) map[string]any {
	show := func(i image) any {
		if i.object == nil {
			return nil
		}
		return s.withBuiltIns(maps.Clone(i.values), i.object)
	}
	before := show(old)
	object := before
	if ch.Kind != Deleted {
		object = show(next)
	}
	changed := make([]any, len(ch.Fields))
	for i, f := range ch.Fields {
		changed[i] = f
	}
	return map[string]any{
		"before": before, "object": object, "changed": changed, "event": map[string]any{"kind": string(ch.Kind), "object": object},
	}
}

// wholeImages are the images of a change with the time and the maker of the object, which a change does not keep. now is the object as it is
// now, nil where it is gone; one that was made anew under the id tells nothing.
func wholeImages(ch *Change, now *Object) (old, next *Object) {
	old, next = imageOf(ch, ch.Before, -1), imageOf(ch, ch.After, 0)
	if ch.Kind == Created {
		now = &Object{CreatedAt: ch.At, CreatedBy: ch.Who}
	}
	for _, image := range []*Object{old, next} {
		if image != nil && now != nil && !now.CreatedAt.After(ch.At) {
			image.CreatedAt, image.CreatedBy = now.CreatedAt, now.CreatedBy
		}
	}
	return old, next
}
