// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

const (
	// perUnit is how many bytes of text one unit of cost is.
	perUnit = 10
	// maxWeight ends weighing: what weighs more is not affordable anyhow.
	maxWeight = perUnit * (costLimit + 1)
	// maxMatched is the length of the longest text that is matched with a regular expression.
	maxMatched = 64 << 10
)

// matching are the functions that match a text with a regular expression.
var matching = set("matches", "find", "findAll")

// priceOf is what a call is about to cost: one pass over all that is in its arguments, and what the function makes of them
// beyond that.
func priceOf(function string, args []ref.Val) uint64 {
	weight := 0
	for _, arg := range args {
		if weight = weigh(arg, weight); weight >= maxWeight {
			return costLimit + 1
		}
	}
	return uint64(plus(weight, growth(function, args)) / perUnit)
}

// weigh adds to a weight the bytes of a value and of all that is in it, and perUnit for each element. It stops at maxWeight:
// an expression can make a list of lists of lists that is small in memory and takes forever to visit.
func weigh(value ref.Val, weight int) int {
	switch value := value.(type) {
	case types.String:
		return weight + len(value)
	case types.Bytes:
		return weight + len(value)
	case *types.Optional:
		if value.HasValue() {
			return weigh(value.GetValue(), weight)
		}
	case *object:
		for key, field := range value.fields {
			if weight = weigh(adapter{}.NativeToValue(field), weight+perUnit+len(key)); weight >= maxWeight {
				return weight
			}
		}
	case traits.Mapper:
		for it := value.Iterator(); it.HasNext() == types.True && weight < maxWeight; {
			key := it.Next()
			weight = weigh(value.Get(key), weigh(key, weight+perUnit))
		}
	case traits.Lister:
		for it := value.Iterator(); it.HasNext() == types.True && weight < maxWeight; {
			weight = weigh(it.Next(), weight+perUnit)
		}
	}
	return weight
}

// growth is the weight of what a function makes beyond one pass over its arguments. It is called with arguments of any type:
// the type checker knows nothing of the variables.
func growth(function string, args []ref.Val) int {
	switch function {
	case "replace":
		return grownByReplace(args)
	case "join":
		if len(args) == 2 {
			return times(lengthOf(args[0]), lengthOf(args[1]))
		}
	case "format":
		return grownByFormat(args)
	case "lists.range":
		if n, ok := args[0].(types.Int); ok && n > 0 {
			return times(perUnit, int(min(n, math.MaxInt32)))
		}
	case "distinct", "sort", "@sortByAssociatedKeys":
		n := lengthOf(args[len(args)-1])
		return times(perUnit, times(n, n))
	case "sets.contains", "sets.equivalent", "sets.intersects":
		if len(args) == 2 {
			return times(perUnit, times(lengthOf(args[0]), lengthOf(args[1])))
		}
	case "matches", "find", "findAll":
		if len(args) >= 2 {
			return matched(lengthOf(args[0]), lengthOf(args[1]))
		}
	}
	return 0
}

// matched is what it takes to match a text with a regular expression, as Kubernetes counts it. A short expression such as
// x{1000} can have a thousand states, so there is a limit for the text as well.
func matched(text, pattern int) int {
	if text > maxMatched {
		return maxWeight
	}
	return times(text, pattern/4+1)
}

// grownByReplace is how much longer a text becomes.
func grownByReplace(args []ref.Val) int {
	if len(args) < 3 {
		return 0
	}
	in, isText := args[0].(types.String)
	old, isOld := args[1].(types.String)
	if !isText || !isOld {
		return 0
	}
	return times(strings.Count(string(in), string(old)), max(0, lengthOf(args[2])-len(old)))
}

// precision is a number in a format, as in %.3f.
var precision = regexp.MustCompile(`%\.([0-9]+)`)

// grownByFormat is what the digits after the points can come to.
func grownByFormat(args []ref.Val) int {
	format, ok := args[0].(types.String)
	if !ok || !strings.Contains(string(format), "%.") {
		return 0
	}
	total := 0
	for _, found := range precision.FindAllStringSubmatch(string(format), -1) {
		digits, err := strconv.Atoi(found[1])
		if err != nil {
			return maxWeight
		}
		total = plus(total, digits)
	}
	return total
}

// lengthOf is how many bytes or elements a value has.
func lengthOf(value ref.Val) int {
	switch value := value.(type) {
	case types.String:
		return len(value)
	case traits.Lister:
		if size, ok := value.Size().(types.Int); ok {
			return int(size)
		}
	}
	return 0
}

// times and plus do not overflow; what is more than maxWeight is maxWeight.
func times(a, b int) int {
	if a > 0 && b > maxWeight/a {
		return maxWeight
	}
	return a * b
}

func plus(a, b int) int { return min(a+b, maxWeight) }
