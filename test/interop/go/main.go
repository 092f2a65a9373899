// A small viewer: prints each reliable message of a room as a line of JSON, once and in order, whatever becomes of gateways.
//
//	usage: viewer ROOM LAST ENDPOINT...   ends after the message whose payload is LAST
//
// Follows docs/writing-a-client.md; the numbers in comments are those of its rules.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "live-gateway/live/v1"
)

const (
	welcomeTime = 10 * time.Second
	probeTime   = 2 * time.Second
	slack       = 250 * time.Millisecond
	windowBytes = 256 * 1024
)

// finalError is one that trying again cannot mend.
type finalError struct{ error }

type viewer struct {
	room, last string
	endpoints  []string
	cursor     *pb.Cursor
	failures   int
	done       bool
}

func main() {
	v := &viewer{room: os.Args[1], last: os.Args[2], endpoints: os.Args[3:]}
	rand.Shuffle(len(v.endpoints), func(i, j int) { // 6
		v.endpoints[i], v.endpoints[j] = v.endpoints[j], v.endpoints[i]
	})
	for !v.done {
		err := v.attempt(v.endpoints[0])
		if v.done {
			return
		}
		fmt.Fprintln(os.Stderr, "lost:", err)
		if _, final := err.(finalError); final {
			os.Exit(1)
		}
		v.endpoints = append(v.endpoints[1:], v.endpoints[0])
		ceiling := min(10*time.Second, 250*time.Millisecond<<min(v.failures, 10))
		v.failures++
		time.Sleep(rand.N(ceiling))
	}
}

func (v *viewer) attempt(endpoint string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, err := grpc.NewClient(endpoint, // 1
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := pb.NewLiveClient(conn).Connect(ctx)
	if err != nil {
		return classified(err)
	}
	send := func(frame *pb.ClientFrame) { _ = stream.Send(frame) } // what cannot be sent shows in Recv
	send(&pb.ClientFrame{Frame: &pb.ClientFrame_Hello{Hello: &pb.Hello{Client: "go viewer", Revision: 1}}})
	send(&pb.ClientFrame{Frame: &pb.ClientFrame_Join{Join: v.join()}}) // 2

	frames := make(chan *pb.ServerFrame)
	ended := make(chan error, 1)
	go func() {
		for {
			frame, err := stream.Recv()
			if err != nil {
				ended <- classified(err)
				return
			}
			select {
			case frames <- frame:
			case <-ctx.Done():
				return
			}
		}
	}()
	silence := welcomeTime // 3
	probing := false
	for {
		select {
		case err := <-ended:
			return err
		case frame := <-frames:
			probing = false
			if welcome := frame.GetWelcome(); welcome != nil {
				silence = 2*time.Duration(welcome.HeartbeatMs)*time.Millisecond + slack
			} else if err := v.handle(frame, send); err != nil || v.done {
				return err
			}
		case <-time.After(silence): // 4
			if probing || silence == welcomeTime {
				return errors.New("silent")
			}
			probing, silence = true, probeTime
			send(&pb.ClientFrame{Frame: &pb.ClientFrame_Ping{Ping: &pb.Ping{Nonce: 1}}})
		}
	}
}

func (v *viewer) join() *pb.Join {
	join := &pb.Join{Room: v.room, CreditBytes: proto.Uint64(windowBytes)} // 13
	if v.cursor == nil {
		join.From = &pb.Join_Start{Start: &pb.Start{At: &pb.Start_Earliest_{Earliest: &pb.Start_Earliest{}}}}
	} else {
		join.From = &pb.Join_Cursor{Cursor: v.cursor} // 7
	}
	return join
}

func (v *viewer) handle(frame *pb.ServerFrame, send func(*pb.ClientFrame)) error {
	switch f := frame.Frame.(type) {
	case *pb.ServerFrame_Joined:
		if o := f.Joined.Outcome; o != pb.Joined_OUTCOME_GAP && o != pb.Joined_OUTCOME_RESET {
			v.cursor = f.Joined.Cursor
		}
	case *pb.ServerFrame_Batch:
		for _, message := range f.Batch.Reliable {
			if err := v.message(message); err != nil || v.done {
				return err
			}
		}
		credit := &pb.Credit{Room: v.room, Bytes: uint64(proto.Size(frame))}
		send(&pb.ClientFrame{Frame: &pb.ClientFrame_Credit{Credit: credit}})
	case *pb.ServerFrame_Gap:
		say(map[string]any{"gap": true, "seq": f.Gap.Cursor.Seq})
		v.cursor = f.Gap.Cursor
	case *pb.ServerFrame_Reset_:
		say(map[string]any{"reset": true, "seq": f.Reset_.Cursor.Seq})
		v.cursor = f.Reset_.Cursor
	case *pb.ServerFrame_CaughtUp:
		v.failures = 0
		if f.CaughtUp.Cursor.Seq >= v.cursor.Seq {
			v.cursor = f.CaughtUp.Cursor
		}
	case *pb.ServerFrame_Reconnect:
		time.Sleep(time.Duration(f.Reconnect.AfterMs) * time.Millisecond)
		return errors.New("sent away")
	case *pb.ServerFrame_RoomError:
		err := errors.New(f.RoomError.Refusal.GetMessage())
		if f.RoomError.Refusal.RetryAfterMs == nil { // 12
			return finalError{err}
		}
		return err
	}
	return nil
}

func (v *viewer) message(message *pb.Message) error {
	if message.Seq <= v.cursor.Seq { // 8
		return nil
	}
	if message.PrevSeq > v.cursor.Seq {
		return fmt.Errorf("%d does not follow %d", message.Seq, v.cursor.Seq)
	}
	say(map[string]any{"seq": message.Seq, "payload": string(message.Payload), "headers": message.Headers})
	v.cursor = &pb.Cursor{Epoch: v.cursor.Epoch, Seq: message.Seq, Fingerprint: message.Fingerprint}
	v.done = string(message.Payload) == v.last
	return nil
}

// 5: what the gateway refuses without a time to try again is not tried again.
func classified(err error) error {
	var info, retry bool
	for _, detail := range status.Convert(err).Details() {
		switch detail.(type) {
		case *errdetails.ErrorInfo:
			info = true
		case *errdetails.RetryInfo:
			retry = true
		}
	}
	if info && !retry {
		return finalError{err}
	}
	return err
}

func say(line map[string]any) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}
