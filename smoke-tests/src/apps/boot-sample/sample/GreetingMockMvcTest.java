package sample;

import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.BDDMockito.given;
import static org.mockito.Mockito.verify;
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.asyncDispatch;
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.get;
import static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.post;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.content;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.jsonPath;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.request;
import static org.springframework.test.web.servlet.result.MockMvcResultMatchers.status;

import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.autoconfigure.web.servlet.WebMvcTest;
import org.springframework.http.MediaType;
import org.springframework.test.context.bean.override.mockito.MockitoBean;
import org.springframework.test.web.servlet.MockMvc;
import org.springframework.test.web.servlet.MvcResult;

@WebMvcTest(SampleApplication.Api.class)
class GreetingMockMvcTest {
  @Autowired MockMvc mvc;
  @MockitoBean SampleApplication.Orders orders;

  @Test
  void greets() throws Exception {
    mvc.perform(get("/greeting").param("name", "Weir"))
        .andExpect(status().isOk())
        .andExpect(content().string("Hello, Weir!"));
  }

  @Test
  void addsByTheService() throws Exception {
    given(orders.add(anyString(), anyInt())).willReturn(new SampleApplication.Order(7, "tea", 2));
    mvc.perform(
            post("/orders")
                .contentType(MediaType.APPLICATION_JSON)
                .content("{\"item\": \"tea\", \"count\": 2}"))
        .andExpect(status().isCreated())
        .andExpect(jsonPath("$.id").value(7));
    verify(orders).add("tea", 2);
  }

  @Test
  void unknownIsNotFound() throws Exception {
    given(orders.get(9)).willThrow(new SampleApplication.NoSuchOrder());
    mvc.perform(get("/orders/9"))
        .andExpect(status().isNotFound())
        .andExpect(content().string("no such order"));
  }

  @Test
  void anAsynchronousAnswerIsDispatched() throws Exception {
    MvcResult started =
        mvc.perform(get("/later")).andExpect(request().asyncStarted()).andReturn();
    mvc.perform(asyncDispatch(started)).andExpect(content().string("later"));
  }
}
