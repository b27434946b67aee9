// Command sender signs an event and sends it: go run sender.go URL FILE (Go 1.19, no other module).
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"time"
)

var seconds = [5]float64{0, 2, 4, 30, 15} // before each try, at most for Retry-After, and for an answer
var _, _ = fmt.Sscan(os.Getenv("IOT_SECONDS"), &seconds[0], &seconds[1], &seconds[2], &seconds[3], &seconds[4])
var secret, token = os.Getenv("IOT_SYSTEM_SIGNATURE_SECRET"), regexp.MustCompile(`\s`).ReplaceAllString(os.Getenv("IOT_TOKEN"), "")
var email, password = os.Getenv("IOT_EMAIL"), os.Getenv("IOT_PASSWORD") // for a token, and for the next one

// Sign returns the X-Signature of exactly these bytes, followed by the text of X-Timestamp.
func Sign(body []byte, timestamp, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(append(body[:len(body):len(body)], timestamp...))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Deliver sends an event until it is answered 200, or never will be, and says whether it was.
func Deliver(url string, body []byte) bool {
	mayLogIn, status, later := token != "" && email != "", 0, 0.0
	for i := 0; i < 3 && (status == 0 || status == 408 || status == 429 || status >= 500); i++ {
		time.Sleep(time.Duration(1e9 * math.Max(seconds[i], math.Min(later, seconds[3]))))
		status, later, _ = send(url, body)
		if status == 401 && mayLogIn { // once for an event, or it might never end
			mayLogIn, token = false, ""
			status, later, _ = send(url, body)
		}
	}
	return status == 200 && token != ""
}

func send(url string, body []byte) (status int, later float64, word string) {
	if token == "" {
		login := regexp.MustCompile("^(https?://[^/]+).*").ReplaceAllString(url, "$1/api/admin/login")
		account, _ := json.Marshal(map[string]string{"email": email, "password": password})
		if status, later, token = post(login, account, http.Header{}, "access_token"); token == "" {
			return status, later, ""
		}
	}
	now := fmt.Sprint(time.Now().Unix())
	signed := http.Header{"X-Timestamp": {now}, "X-Signature": {Sign(body, now, secret)}, "Authorization": {"Bearer " + token}}
	return post(url, body, signed, "state|error")
}

func post(url string, body []byte, headers http.Header, name string) (status int, later float64, word string) {
	request, _ := http.NewRequest("POST", url, bytes.NewReader(body))
	request.Header = headers
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // no redirect
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: time.Duration(1e9 * seconds[4]), CheckRedirect: stay}
	if answer, err := client.Do(request); err == nil {
		text, cut := io.ReadAll(answer.Body)
		status = map[bool]int{true: answer.StatusCode}[cut == nil] // an answer that was cut is none
		fmt.Sscan(answer.Header.Get("Retry-After"), &later)
		pattern := regexp.MustCompile(`"(?:` + name + `)"\s*:\s*"([\w.~+/=-]+)"|$`)
		word = pattern.FindStringSubmatch(string(text))[1] // empty, if only the end was found
	}
	fmt.Println(status, map[string]string{"access_token": "log-in", "state|error": word}[name])
	return status, later, word
}

func main() {
	if event, err := os.ReadFile(os.Args[2]); err != nil || !Deliver(os.Args[1], event) {
		os.Exit(1)
	}
}
