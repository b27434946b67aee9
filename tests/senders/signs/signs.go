package main

import (
	"encoding/base64"
	"fmt"
	"os"
)

// init comes before main: it prints what Sign makes of each line (secret, body and timestamp in Base64), and ends.
func init() {
	var words [3]string
	for {
		if _, err := fmt.Scan(&words[0], &words[1], &words[2]); err != nil {
			os.Exit(0)
		}
		fmt.Println(Sign(decoded(words[1]), string(decoded(words[2])), string(decoded(words[0]))))
	}
}

func decoded(word string) []byte {
	text, _ := base64.StdEncoding.DecodeString(map[bool]string{true: "", false: word}[word == "-"])
	return text
}
